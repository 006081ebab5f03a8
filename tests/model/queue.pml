/* SPDX-License-Identifier: Apache-2.0 */
/* A lease queue with its waiting lines, its producers and its end, small enough that every interleaving is looked at. As in the
 * engine a command is one step, and after it waiters are woken in one place until nothing moves. Checked: no process waits for ever
 * (no invalid end state: every put, get and join is answered, and each consumer leaves by END or PRODUCER_LOST), END is never early,
 * and nothing is lost or finished twice. With -DWRONG_... one rule is broken, and the check must notice.
 *
 * Faults: a consumer dies once at any moment, holding leases or waiting, and comes again unless another goes on; a producer dies once and comes again in time, or
 * is lost; a get times out once; a nack delays once. All of these are chosen freely, so that every mixture is seen. */

#define PRODUCERS 2
#define CONSUMERS 2
#ifndef EACH
#define EACH 2 /* messages of each producer */
#endif
#define BOUND 1
#define NOBODY 255

mtype = { NONE, OK, END, LOST, CLOSED, TIMEOUT };
mtype = { WAIT, COUNT, FAIL }; /* what a lost producer means */

/* the queue */
byte ready, delayed, lease[CONSUMERS];
bool closed, truncated;
bool finished[PRODUCERS], attached[PRODUCERS], gone[PRODUCERS]; /* gone: lost by the end of its grace */
byte finished_count;
chan puts = [PRODUCERS] of { byte };  /* lines, in order of arrival */
chan gets = [CONSUMERS] of { byte };
bool idle[CONSUMERS]; /* which end the get asks for */
bool waiting[CONSUMERS], left[CONSUMERS], joining;
mtype put_answer[PRODUCERS], get_answer[CONSUMERS], join_answer;

/* what the checks remember */
byte accepted, done_count;
bool final_told;
byte faults_consumer = 1, faults_producer = 1, timeouts = 1, nacks = 1;
mtype policy;
byte over;    /* processes that have come to their end */
bool decided; /* an administrator or the policy has said that the lost producer is finished */

/* within one step only, and so no part of the state */
hidden byte who, c;
hidden byte end_idle, end_final;

#define LEASED (lease[0] + lease[1])
#define UNFINISHED (ready + delayed + LEASED)

/* END-2 */
#ifdef WRONG_END_BEFORE_LEASES
#define ENDED_FINAL (closed && ready == 0 && delayed == 0)
#else
#define ENDED_FINAL (closed && ready == 0 && delayed == 0 && LEASED == 0)
#endif
#define IDLES(c) (lease[c] == 0 || (waiting[c] && idle[c]))
#ifdef WRONG_END_BEFORE_DELAYED
#define ENDED_IDLE (closed && ready == 0 && IDLES(0) && IDLES(1))
#else
#define ENDED_IDLE (closed && ready == 0 && delayed == 0 && IDLES(0) && IDLES(1))
#endif

inline tell_get(c, what)
{
    waiting[c] = false;
    get_answer[c] = what;
}

inline accept()
{
    assert(!closed);     /* END-1 */
    assert(!final_told); /* nothing can come any more */
    ready++;
    accepted++;
    assert(ready <= BOUND || faults_consumer == 0 || nacks == 0); /* BND-2: only what came back may be beyond it */
}

/* Everybody who is told END at this moment is told for the same reason: who waits now decides. */
inline end_everybody()
{
    end_idle = ENDED_IDLE;
    end_final = ENDED_FINAL;
    c = 0;
    do
    :: c < CONSUMERS ->
        if
        :: waiting[c] && ((idle[c] && end_idle) || (!idle[c] && end_final)) ->
            assert(accepted == done_count + LEASED); /* nothing is there and nothing can come */
            assert(idle[c] || LEASED == 0);
            final_told = final_told || !idle[c];
            gets??eval(c);
            get_answer[c] = (truncated -> LOST : END);
        :: else
        fi;
        c++
    :: else -> break
    od;
    c = 0;
    do
    :: c < CONSUMERS ->
        waiting[c] = waiting[c] && get_answer[c] == NONE;
        c++
    :: else -> break
    od
}

/* The one place where waiters are woken. */
inline pair()
{
    do
#ifdef WRONG_CLOSE_WAKES_NO_PUT
    :: false -> skip
#else
    :: closed && len(puts) > 0 -> puts?who; put_answer[who] = CLOSED
#endif
    :: !closed && len(puts) > 0 && ready < BOUND -> puts?who; accept(); put_answer[who] = OK
#ifdef WRONG_CLOSED_GIVES_NOTHING
    :: len(gets) > 0 && ready > 0 && !closed -> gets?who; ready--; lease[who] = lease[who] + 1; tell_get(who, OK)
#else
    :: len(gets) > 0 && ready > 0 -> gets?who; ready--; lease[who] = lease[who] + 1; tell_get(who, OK)
#endif
    :: len(gets) > 0 && ready == 0 && ((ENDED_FINAL && ((waiting[0] && !idle[0]) || (waiting[1] && !idle[1]))) ||
                         (ENDED_IDLE && ((waiting[0] && idle[0]) || (waiting[1] && idle[1])))) -> end_everybody()
#ifdef WRONG_JOIN_BEFORE_LEASES
    :: joining && ready == 0 && delayed == 0 -> assert(LEASED == 0); joining = false; join_answer = OK
#else
    :: joining && UNFINISHED == 0 -> joining = false; join_answer = OK
#endif
    :: else -> break
    od
}

inline finish(p)
{
    finished_count = finished_count + (finished[p] -> 0 : 1);
    finished[p] = true;
    closed = closed || finished_count == PRODUCERS
}

/* A session ends: what it leased is ready again, what it waited for is withdrawn. */
inline consumer_dies(me)
{
    ready = ready + lease[me];
    lease[me] = 0;
    waiting[me] = false;
    if
    :: gets??[eval(me)] -> gets??eval(me)
    :: else
    fi;
    get_answer[me] = NONE;
#ifndef WRONG_DEATH_WAKES_NOBODY
    pair()
#endif
}

proctype producer(byte me)
{
    byte sent;
begin:
    attached[me] = true;
    do
    :: sent < EACH && !closed ->
        atomic {
            if
            :: closed -> put_answer[me] = CLOSED
            :: !closed && len(puts) == 0 && ready < BOUND -> accept(); put_answer[me] = OK
            :: else -> puts!me
            fi;
            pair()
        }
        if
        :: put_answer[me] == OK -> atomic { put_answer[me] = NONE; sent++ }
        :: put_answer[me] == CLOSED -> goto leaves
        :: atomic { faults_producer > 0 && !closed -> /* dies while it waits, or before it heard the answer */
            faults_producer--;
            sent = sent + (put_answer[me] == OK -> 1 : 0); /* kept answers: told when it comes again */
            put_answer[me] = NONE;
            if
            :: puts??[eval(me)] -> puts??eval(me)
            :: else
            fi;
            attached[me] = false;
            pair() };
            goto dead
        fi
    :: sent < EACH && closed -> goto leaves /* the stream was ended without it */
    :: sent == EACH -> break
    od;
    atomic { finish(me); attached[me] = false; pair() }
    goto leaves;
dead:
    if
    :: goto begin /* in time, or late: a name that is lost may come again */
    :: skip; /* never again */
        atomic { gone[me] = true;
            if
            :: policy == FAIL && !closed -> truncated = true; closed = true
            :: policy == COUNT -> decided = true; finish(me)
#ifdef WRONG_LOST_IS_FINISHED
            :: policy == WAIT -> finish(me)
#endif
            :: else
            fi;
            pair() }
    fi;
leaves:
    over++
}

/* Somebody sees in stat that a producer is lost, and ends the wait. */
proctype administrator()
{
end:
    atomic {
        policy == WAIT && (gone[0] || gone[1]) ->
        decided = true;
        if
        :: gone[0] -> finish(0)
        :: else -> finish(1)
        fi;
        pair()
    }
}

proctype timer()
{
end:
    do
    :: atomic { delayed > 0 -> delayed--; ready++; assert(!final_told); pair() }
    od
}

inline settle(me)
{
    done_count = done_count + lease[me];
    lease[me] = 0;
    pair()
}

/* Lazy ones finish their work when the stream is over, and ask for the idle end; the others before they ask again. */
proctype consumer(byte me; bool lazy)
{
begin:
    do
    :: atomic { idle[me] = lazy; waiting[me] = true; gets!me; pair() }
        if
        :: atomic { get_answer[me] == OK -> get_answer[me] = NONE }
        :: get_answer[me] == END || get_answer[me] == LOST -> break
        :: atomic { timeouts > 0 && get_answer[me] == NONE && gets??[eval(me)] ->
            timeouts--; gets??eval(me); waiting[me] = false; pair() }
        :: atomic { faults_consumer > 0 -> faults_consumer--; consumer_dies(me) }
            goto dead
        fi;
        if
        :: lazy
        :: else ->
            if
            :: atomic { settle(me) }
            :: atomic { nacks > 0 && lease[me] > 0 ->
                nacks--; delayed = delayed + lease[me]; lease[me] = 0; pair() }
            :: atomic { faults_consumer > 0 -> faults_consumer--; consumer_dies(me) }
                goto dead
            fi
        fi
    od;
    assert(get_answer[me] == LOST || finished_count == PRODUCERS); /* a truncated stream never looks like a complete one */
    assert(get_answer[me] == LOST || decided || (!gone[0] && !gone[1])); /* nor is a lost producer a finished one */
    assert(get_answer[me] == END || truncated);
    if
    :: atomic { settle(me) }
    :: atomic { faults_consumer > 0 -> faults_consumer--; get_answer[me] = NONE; consumer_dies(me) } /* END is no latch */
        goto dead
    fi;
    goto leaves;
dead:
    if
    :: goto begin
    :: !left[1 - me] && get_answer[1 - me] != END && get_answer[1 - me] != LOST /* the other goes on alone */
    fi;
leaves:
    left[me] = true;
    over++
}

proctype joiner()
{
    atomic { joining = true; pair() }
    join_answer == OK;
    over++
}

init {
    atomic {
        c = 0;
        do
        :: c < PRODUCERS -> put_answer[c] = NONE; c++
        :: else -> break
        od;
        c = 0;
        do
        :: c < CONSUMERS -> get_answer[c] = NONE; c++
        :: else -> break
        od;
        join_answer = NONE
    }
    if
    :: policy = WAIT
    :: policy = COUNT
    :: policy = FAIL
    fi;
    atomic {
        run producer(0);
        run producer(1);
        if
        :: run consumer(0, true); run consumer(1, true)
        :: run consumer(0, true); run consumer(1, false)
        :: run consumer(0, false); run consumer(1, false)
        fi;
        run joiner();
        run administrator();
        run timer()
    }
    /* At the end all is accounted for. */
    over == PRODUCERS + CONSUMERS + 1 -> assert(UNFINISHED == 0 && accepted == done_count && len(puts) == 0 && len(gets) == 0 && !joining)
end:
    skip
}
