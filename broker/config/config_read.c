/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file by libConfuse: the table of options is made into its tables, each value is checked where it stands, and what
 * was set is stored when its section ends. libConfuse has one parser for the process, so one file is read at a time. */
#include "codes.h"
#include "config_table.h"
#include "config_text.h"
#include <confuse.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SECTIONS_MAX = 16, OPTIONS_MAX = 64, DEPTH_MAX = 8 };

struct reading {
    struct config *config;
    struct config_error *error;
    const char *file; /* that is being read */
    char *path;       /* owned: the last one that was made of a value */
    unsigned depth;   /* of includes */
};
static struct reading *reading; /* libConfuse's callbacks are given nothing of ours */

/* ---- errors ---- */

static void say(unsigned line, const char *what, const char *section)
{
    struct config_error *error = reading->error;
    if (error->text[0] != '\0')
        return; /* the first is the cause */
    int used = snprintf(error->text, sizeof error->text, "%s:%u: %s", reading->file, line, what);
    if (section && used > 0 && (size_t)used < sizeof error->text)
        snprintf(error->text + used, sizeof error->text - (size_t)used, " (in section %s)", section);
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format, va_list arguments)
{
    char what[CONFIG_WHY_SIZE];
    const struct config_section *section = config_section_find(cfg->name);
    vsnprintf(what, sizeof what, format, arguments);
    say((unsigned)cfg->line, what, section ? section->name : NULL);
}

/* Owned by the caller; NULL without memory. */
static char *place_make(unsigned line)
{
    char *place;
    return asprintf(&place, "%s:%u", reading->file, line) < 0 ? NULL : place;
}

/* ---- values ---- */

/* A path is from the folder of the file that names it. */
static char *path_from(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *out;
    if (path[0] == '/' || !slash)
        return strdup(path);
    return asprintf(&out, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL : out;
}

/* The value as it will be stored, or NULL with why. */
static const char *check_value(const struct config_option *option, const char *value, char *why, size_t why_size)
{
    if (config_value_read(option, value, NULL, why, why_size) != JQ_OK)
        return NULL;
    if (option->kind != CONFIG_PATH && option->kind != CONFIG_SECRET)
        return value;
    free(reading->path);
    reading->path = path_from(reading->file, value);
    snprintf(why, why_size, "out of memory");
    if (!reading->path || (option->kind == CONFIG_SECRET && config_secret_check(reading->path, why, why_size) != JQ_OK))
        return NULL;
    return reading->path;
}

static void put_place(const struct config_option *option, int line)
{
    char *place = place_make((unsigned)line);
    if (place)
        config_place_put(reading->config, option, place);
    free(place);
}

/* The line of an option's first value lies where libConfuse would have the default of a number. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    char why[CONFIG_WHY_SIZE];
    const struct config_section *section = config_section_find(cfg->name);
    const struct config_option *option = section ? config_option_find(section, opt->name) : NULL;
    if (!option) {
        cfg_error(cfg, "no such option '%s'", opt->name);
        return -1;
    }
    if (opt->def.number) {
        cfg_error(cfg, "%s is set twice, first in line %ld", opt->name, opt->def.number);
        return -1;
    }
    value = check_value(option, value, why, sizeof why);
    if (!value) {
        cfg_error(cfg, "%s", why);
        return -1;
    }
    opt->def.number = cfg->line;
    if (!section->title)
        put_place(option, cfg->line);
    *(const char **)result = value;
    return 0;
}

static int store_all(cfg_t *section, const struct config_section *about, void *base)
{
    char why[CONFIG_WHY_SIZE];
    for (const struct config_option *option = about->options; option->name; option++) {
        const char *text = cfg_getstr(section, option->name);
        if (!text || config_value_read(option, text, base, why, sizeof why) == JQ_OK)
            continue;
        cfg_error(section, "%s", why);
        return JQ_INVALID;
    }
    return JQ_OK;
}

/* ---- sections ---- */

/* When the closing brace is read. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
    char why[CONFIG_WHY_SIZE];
    struct config_error error = {0};
    const struct config_section *about = config_section_find(opt->name);
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    void *base = reading->config;
    if (about->title) {
        if (config_add(reading->config, about, section->title, &base, &error) != JQ_OK) {
            cfg_error(cfg, "%s", error.text);
            return -1;
        }
        struct config_item *item = base;
        item->place = place_make((unsigned)cfg->line);
    }
    if (store_all(section, about, base) != JQ_OK)
        return -1;
    if (about->title && about->finish && about->finish(base, why, sizeof why) != JQ_OK) {
        cfg_error(cfg, "%s", why);
        return -1;
    }
    return 0;
}

/* ---- files ---- */

/* libConfuse would take a file without a text for a failure. */
static int parse_text(cfg_t *cfg, char *text, size_t size)
{
    FILE *from = size ? fmemopen(text, size, "r") : NULL;
    int status = size ? CFG_PARSE_ERROR : CFG_SUCCESS;
    if (from)
        status = cfg_parse_fp(cfg, from);
    else if (size)
        cfg_error(cfg, "out of memory");
    if (from)
        fclose(from);
    return status == CFG_SUCCESS ? JQ_OK : JQ_INVALID;
}

/* The comments in the text are blanked. */
static int parse_named(cfg_t *cfg, const char *name, char *text, size_t size)
{
    char why[CONFIG_WHY_SIZE];
    unsigned line = 0;
    const char *outer = reading->file;
    reading->file = name;
    int code = config_text_check(text, size, &line, why, sizeof why);
    if (code != JQ_OK)
        say(line, why, NULL);
    else
        code = parse_text(cfg, text, size);
    if (code != JQ_OK)
        say((unsigned)cfg->line, "this makes no sense", NULL); /* if nothing else has been said */
    reading->file = outer;
    return code;
}

static int parse_file(cfg_t *cfg, const char *path)
{
    char why[CONFIG_WHY_SIZE];
    char *text = NULL;
    size_t size;
    if (config_text_load(path, &text, &size, why, sizeof why) != JQ_OK) {
        if (reading->file)
            cfg_error(cfg, "%s: %s", path, why);
        else
            snprintf(reading->error->text, sizeof reading->error->text, "%s: %.200s", path, why);
        return JQ_INVALID;
    }
    int code = parse_named(cfg, path, text, size);
    free(text);
    return code;
}

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
    (void)opt;
    if (argc != 1 || reading->depth == DEPTH_MAX) {
        cfg_error(cfg, argc == 1 ? "files include each other too deeply" : "one file is included: include(\"FILE\")");
        return -1;
    }
    char *path = path_from(reading->file, argv[0]);
    int line = cfg->line;
    reading->depth++;
    int code = path ? parse_file(cfg, path) : JQ_INVALID;
    reading->depth--;
    free(path);
    cfg->line = line;
    return code == JQ_OK ? 0 : -1;
}

/* ---- the tables of libConfuse ---- */

static void make_options(const struct config_section *section, cfg_opt_t *out)
{
    unsigned count = 0;
    for (const struct config_option *option = section->options; option->name; option++) {
        JQ_ASSERT(count < OPTIONS_MAX);
        out[count++] = (cfg_opt_t)CFG_STR_CB(option->name, NULL, CFGF_NODEFAULT, on_value);
    }
    out[count] = (cfg_opt_t)CFG_END();
}

static cfg_t *make_parser(void)
{
    static const cfg_flag_t titled = CFGF_TITLE | CFGF_MULTI | CFGF_NO_TITLE_DUPES;
    cfg_opt_t(*options)[OPTIONS_MAX + 1] = calloc(SECTIONS_MAX, sizeof *options);
    cfg_opt_t sections[SECTIONS_MAX + 2];
    unsigned count = 0;
    if (!options)
        return NULL;
    for (const struct config_section *section = config_sections; section->name; section++, count++) {
        JQ_ASSERT(count < SECTIONS_MAX);
        make_options(section, options[count]);
        sections[count] = (cfg_opt_t)CFG_SEC(section->name, options[count], section->title ? titled : CFGF_NONE);
        sections[count].validcb = on_section;
    }
    sections[count++] = (cfg_opt_t)CFG_FUNC("include", on_include);
    sections[count] = (cfg_opt_t)CFG_END();
    cfg_t *cfg = cfg_init(sections, CFGF_NONE);
    free(options);
    if (cfg)
        (void)cfg_set_error_function(cfg, on_error);
    return cfg;
}

/* By a text that is there, or without one by the file. */
static int read_by(struct config *config, const char *name, char *text, size_t size, struct config_error *error)
{
    struct reading one = {.config = config, .error = error};
    *error = (struct config_error){0};
    cfg_t *cfg = make_parser();
    if (!cfg) {
        snprintf(error->text, sizeof error->text, "out of memory");
        return JQ_INVALID;
    }
    reading = &one;
    int code = text ? parse_named(cfg, name, text, size) : parse_file(cfg, name);
    reading = NULL;
    free(one.path);
    cfg_free(cfg);
    return code;
}

int config_read(struct config *config, const char *path, struct config_error *error)
{
    return read_by(config, path, NULL, 0, error);
}

int config_read_text(struct config *config, const char *name, char *text, size_t size, struct config_error *error)
{
    return read_by(config, name, text, size, error);
}
