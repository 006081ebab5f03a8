/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, strictly: what is not understood in full is refused, and says why. Nothing is resolved or opened here, and there
 * is no percent-encoding: no name that is allowed needs it. */
#include "url.h"
#include "codes.h"
#include "wire_limits.h"
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *prefix;
    enum jqw_url_scheme scheme;
} schemes[] = {
    [JQW_URL_TCP] = {"joinq://", JQW_URL_TCP},
    [JQW_URL_TLS] = {"joinqs://", JQW_URL_TLS},
    [JQW_URL_UNIX] = {"unix://", JQW_URL_UNIX},
};

static int invalid(const char **why, const char *text)
{
    *why = text;
    return JQ_INVALID;
}

/* Characters of host names and of users, but for what a caller adds. */
static bool made_of(const char *text, size_t size, const char *more)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr(more, c)))
            return false;
    }
    return true;
}

static int copy_user(const char *text, size_t size, struct jqw_url *url, const char **why)
{
    if (memchr(text, ':', size))
        return invalid(why, "a password does not belong into a URL");
    if (size == 0 || size >= sizeof url->user)
        return invalid(why, "a user has 1 to 255 bytes");
    if (!made_of(text, size, "._-+"))
        return invalid(why, "a user is made of A-Z a-z 0-9 . _ - +");
    memcpy(url->user, text, size);
    url->user[size] = '\0';
    return JQ_OK;
}

static int parse_path(const char *text, struct jqw_url *url, const char **why)
{
    size_t size = strlen(text);
    if (text[0] != '/')
        return invalid(why, "unix:// is followed by an absolute path, as in unix:///run/joinq.sock");
    if (size == 1)
        return invalid(why, "a socket needs a name");
    if (size >= sizeof url->path)
        return invalid(why, "the path of a Unix socket has at most 107 bytes");
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return invalid(why, "the path contains a control character");
    memcpy(url->path, text, size + 1);
    return JQ_OK;
}

/* "user@/path", where an '@' stands before the path begins. */
static int parse_socket(const char *text, struct jqw_url *url, const char **why)
{
    size_t before = strcspn(text, "/");
    bool has_user = before > 0 && text[before - 1] == '@';
    int code = has_user ? copy_user(text, before - 1, url, why) : JQ_OK;
    return code == JQ_OK ? parse_path(has_user ? text + before : text, url, why) : code;
}

/* The user before the last '@', if there is one; *text goes on behind it. */
static int parse_user(const char **text, struct jqw_url *url, const char **why)
{
    const char *at = strrchr(*text, '@');
    if (!at)
        return JQ_OK;
    int code = copy_user(*text, (size_t)(at - *text), url, why);
    *text = at + 1;
    return code;
}

static int copy_host(const char *text, size_t size, struct jqw_url *url, const char **why)
{
    if (size == 0 || size >= sizeof url->host)
        return invalid(why, "a host has 1 to 255 bytes");
    memcpy(url->host, text, size);
    url->host[size] = '\0';
    return JQ_OK;
}

/* "fe80::1" or "fe80::1%eth0" */
static bool is_ipv6(const char *host)
{
    char address[INET6_ADDRSTRLEN];
    size_t size = strcspn(host, "%");
    const char *zone = host + size;
    if (size >= sizeof address || (*zone && (!zone[1] || !made_of(zone + 1, strlen(zone + 1), "._-"))))
        return false;
    memcpy(address, host, size);
    address[size] = '\0';
    struct in6_addr ignored;
    return inet_pton(AF_INET6, address, &ignored) == 1;
}

/* The host, in brackets or not; *text goes on behind it. */
static int parse_host(const char **text, struct jqw_url *url, const char **why)
{
    if (**text == '[') {
        size_t size = strcspn(*text + 1, "]");
        int code = copy_host(*text + 1, size, url, why);
        if (code != JQ_OK)
            return code;
        if ((*text)[1 + size] != ']' || !is_ipv6(url->host))
            return invalid(why, "what is in brackets is not an IPv6 address");
        *text += size + 2;
        return JQ_OK;
    }
    size_t size = strcspn(*text, ":");
    if (strchr(*text + size, ':') != strrchr(*text, ':'))
        return invalid(why, "an IPv6 address stands in brackets, as in joinq://[::1]:19025");
    if (!made_of(*text, size, "._-"))
        return invalid(why, "a host is made of A-Z a-z 0-9 . _ - and only :port may follow it");
    int code = copy_host(*text, size, url, why);
    *text += size;
    return code;
}

/* Nothing, or ":" and 0 to 65535. */
static int parse_port(const char *text, struct jqw_url *url, const char **why)
{
    url->port = JQW_PORT;
    if (*text == '\0')
        return JQ_OK;
    size_t digits = strspn(text + 1, "0123456789");
    if (*text != ':' || digits == 0 || digits > 5 || text[1 + digits] != '\0')
        return invalid(why, "the host is followed by nothing but a port, a number from 0 to 65535");
    uint32_t port = 0;
    for (const char *digit = text + 1; *digit; digit++)
        port = 10 * port + (uint32_t)(*digit - '0');
    if (port > UINT16_MAX)
        return invalid(why, "a port is a number from 0 to 65535");
    url->port = (uint16_t)port;
    return JQ_OK;
}

static int parse_address(const char *text, struct jqw_url *url, const char **why)
{
    int code = parse_user(&text, url, why);
    if (code == JQ_OK)
        code = parse_host(&text, url, why);
    if (code == JQ_OK)
        code = parse_port(text, url, why);
    return code;
}

int jqw_url_parse(const char *text, struct jqw_url *out, const char **why)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, size) != 0)
            continue;
        struct jqw_url url = {.scheme = schemes[i].scheme};
        bool unix_ = url.scheme == JQW_URL_UNIX;
        int code = unix_ ? parse_socket(text + size, &url, why) : parse_address(text + size, &url, why);
        if (code == JQ_OK)
            *out = url;
        return code;
    }
    return invalid(why, "a URL starts with joinq://, joinqs:// or unix:///");
}

int jqw_url_format(const struct jqw_url *url, char *to, unsigned size)
{
    if (url->scheme == JQW_URL_UNIX)
        return snprintf(to, size, "unix://%s%s%s", url->user, url->user[0] ? "@" : "", url->path);
    bool ipv6 = strchr(url->host, ':') != NULL;
    return snprintf(to, size, "%s%s%s%s%s%s:%u", schemes[url->scheme].prefix, url->user, url->user[0] ? "@" : "",
                    ipv6 ? "[" : "", url->host, ipv6 ? "]" : "", url->port);
}
