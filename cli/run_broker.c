/* SPDX-License-Identifier: Apache-2.0 */
/* A broker of our own, on a Unix socket in a folder of our own. It ends with us, whatever ends us. It knows nothing of the program
 * that is run beside it. */
#include "run_broker.h"
#include "caught.h"
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_MS = 10 * 1000, END_MS = 5 * 1000, TEMPLATE_MAX = 60 };

/* ---- the program ------------------------------------------------------------------------------------------------------ */

/* JOINQD, or joinqd beside this very program, or whichever PATH has. */
static const char *find_program(char *to, size_t size)
{
    const char *named = getenv("JOINQD");
    if (named != NULL && named[0] != '\0')
        return named;
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length > 0) {
        self[length] = '\0';
        char *slash = strrchr(self, '/');
        int written = snprintf(to, size, "%.*s/joinqd", (int)(slash - self), self);
        if (written > 0 && (size_t)written < size && access(to, X_OK) == 0)
            return to;
    }
    return "joinqd";
}

static void child(const char *program, const struct run_broker *broker, int output, pid_t parent)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &normal, NULL);
    int input = open("/dev/null", O_RDONLY);
    if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(broker->log, STDERR_FILENO) < 0)
        _exit(127);
    if (input > STDERR_FILENO)
        close(input);
    /* A group of its own: what the terminal sends is for the program that is run. */
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(127);
    execlp(program, program, "--listen", broker->url, (char *)NULL);
    dprintf(STDERR_FILENO, "joinq: run: cannot run '%s': %s\n", program, strerror(errno));
    _exit(127);
}

static int spawn(struct cli *cli, struct run_broker *broker)
{
    char beside[4096];
    const char *program = find_program(beside, sizeof beside);
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return cli_error(cli, CLI_FAILED, "pipe: %s", strerror(errno));
    pid_t parent = getpid();
    broker->log = memfd_create("joinqd-log", MFD_CLOEXEC);
    broker->pid = fork();
    if (broker->pid == 0)
        child(program, broker, pipe_fds[1], parent);
    close(pipe_fds[1]);
    broker->output = pipe_fds[0];
    if (broker->pid < 0) {
        broker->pid = 0;
        return cli_error(cli, CLI_FAILED, "fork: %s", strerror(errno));
    }
    return CLI_DONE;
}

/* ---- the folder ------------------------------------------------------------------------------------------------------- */

/* A socket's path has to be short. */
static const char *folder_parent(void)
{
    const char *const candidates[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR")};
    for (size_t i = 0; i < 2; i++) {
        if (candidates[i] != NULL && candidates[i][0] == '/' && strlen(candidates[i]) < TEMPLATE_MAX &&
            access(candidates[i], W_OK | X_OK) == 0)
            return candidates[i];
    }
    return "/tmp";
}

static int make_folder(struct cli *cli, struct run_broker *broker)
{
    snprintf(broker->folder, sizeof broker->folder, "%s/joinq-run-XXXXXX", folder_parent());
    if (mkdtemp(broker->folder) == NULL) {
        int error = errno;
        cli_error(cli, CLI_FAILED, "%s: %s", broker->folder, strerror(error));
        broker->folder[0] = '\0';
        return CLI_FAILED;
    }
    snprintf(broker->url, sizeof broker->url, "unix://%s/joinq.sock", broker->folder);
    return CLI_DONE;
}

static void remove_folder(struct run_broker *broker)
{
    static const char *const files[] = {"joinq.sock", "joinq.sock.lock"};
    char path[160];
    if (broker->folder[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", broker->folder, files[i]);
        unlink(path);
    }
    rmdir(broker->folder);
    broker->folder[0] = '\0';
}

static void show_log(const struct run_broker *broker)
{
    char text[4096];
    off_t at = 0;
    ssize_t got;
    while (broker->log >= 0 && (got = pread(broker->log, text, sizeof text, at)) > 0) {
        fwrite(text, 1, (size_t)got, stderr);
        at += got;
    }
}

/* ---- starting and stopping -------------------------------------------------------------------------------------------- */

/* It says where it listens, and then a line that it is ready. CLI_STOPPED: a signal came meanwhile. */
static int wait_until_ready(struct cli *cli, struct run_broker *broker)
{
    static const char ready[] = "joinqd: ready\n";
    char text[512];
    size_t size = 0;
    int64_t until = cli_now_ms() + READY_MS;
    while (size < sizeof text) {
        int64_t left = until - cli_now_ms();
        struct pollfd wanted[2] = {{.fd = broker->output, .events = POLLIN}, {.fd = caught_fd(), .events = POLLIN}};
        if (left <= 0)
            return cli_error(cli, CLI_FAILED, "the broker did not say within %d s that it listens", READY_MS / 1000);
        if (poll(wanted, 2, (int)left) <= 0)
            continue;
        if (caught_stop() != 0)
            return CLI_STOPPED;
        if (wanted[0].revents == 0)
            continue;
        ssize_t got = read(broker->output, text + size, sizeof text - size);
        if (got == 0)
            return cli_error(cli, CLI_FAILED, "the broker ended before it listened");
        size += got > 0 ? (size_t)got : 0;
        if (memmem(text, size, ready, strlen(ready)) != NULL)
            return CLI_DONE;
    }
    return cli_error(cli, CLI_FAILED, "the broker says what this version of joinq does not understand");
}

int run_broker_start(struct cli *cli, struct run_broker *broker)
{
    *broker = (struct run_broker){.output = -1, .log = -1};
    int status = make_folder(cli, broker);
    if (status == CLI_DONE)
        status = spawn(cli, broker);
    if (status == CLI_DONE)
        status = wait_until_ready(cli, broker);
    if (status != CLI_DONE)
        run_broker_stop(broker);
    return status;
}

void run_broker_ended(struct run_broker *broker, int status)
{
    broker->pid = 0;
    if (status != 0)
        show_log(broker);
}

/* Waits for its end, which closes its output; false: not yet, after END_MS. */
static bool wait_for_end(const struct run_broker *broker)
{
    char text[512];
    int64_t until = cli_now_ms() + END_MS;
    for (int64_t left = END_MS; left > 0; left = until - cli_now_ms()) {
        struct pollfd wanted = {.fd = broker->output, .events = POLLIN};
        if (poll(&wanted, 1, (int)left) > 0 && read(broker->output, text, sizeof text) == 0)
            return true;
    }
    return false;
}

void run_broker_stop(struct run_broker *broker)
{
    int status = 0;
    if (broker->pid > 0) {
        kill(broker->pid, SIGTERM);
        if (!wait_for_end(broker))
            kill(broker->pid, SIGKILL);
        while (waitpid(broker->pid, &status, 0) < 0 && errno == EINTR)
            continue;
        run_broker_ended(broker, status);
    }
    if (broker->output >= 0)
        close(broker->output);
    if (broker->log >= 0)
        close(broker->log);
    broker->output = broker->log = -1;
    remove_folder(broker);
}
