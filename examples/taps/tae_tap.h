/* Sends the latents of a diffusion run to a live preview, from C99 or C++.
 *
 *   tae_tap* tap = tae_tap_open(NULL);      // the user's own socket
 *   tae_tap_latent latent = {0};            // what stays 0 is not said
 *   latent.data = x; latent.size = bytes; latent.dtype = "F32";
 *   latent.n_dims = 4; latent.dims[0] = 1; latent.dims[1] = 4;
 *   latent.dims[2] = latent.dims[3] = 64;
 *   latent.space = "sd1"; latent.layout = "nchw"; latent.pred = "x0";
 *   latent.step = 1; latent.steps = 20;
 *   tae_tap_send(tap, &latent);             // copies, returns at once
 *   tae_tap_close(tap, 2.0);                // waits 2 s at most
 *
 * For POSIX systems, with tae_tap_message.h beside it; link with -pthread and
 * include it first where the compiler runs in a strict mode. The run never
 * waits for the preview: a thread delivers the newest latent to a listener that
 * may be absent, be slow, vanish and come back. What is wrong is said once on
 * stderr. Addresses: unix: (the user's own socket, as is NULL), unix:/path,
 * tcp://host:port, name.safetensors or file:name to append to. One tap is
 * enough for a process; a forked child may go on with it. Written are
 * safetensors messages, one after another.
 */
#ifndef TAE_TAP_H
#define TAE_TAP_H

#if !defined(_POSIX_C_SOURCE) && !defined(__cplusplus)
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tae_tap_message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tae_tap {
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t changed;
  tae_tap_message* waiting; /* oldest first: finals, then one that is not */
  int n_waiting;
  double deadline; /* after tae_tap_close, else 0 */
  unsigned long sent, dropped;
  pthread_t thread;
  pid_t process;    /* that has the thread; a forked child has none */
  int fd, has_said; /* the thread's own */
  char kind;        /* Unix, Own, Tcp, File */
  char place[1];
} tae_tap;

enum { kTaeTapMostWaiting = 4, kTaeTapOwnRoom = 256 };

static inline double tae_tap_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t); /* the clock of pthread_cond_timedwait */
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds that are left after tae_tap_close; many before it. */
static inline double tae_tap_time_left(tae_tap* tap) {
  double deadline;
  pthread_mutex_lock(&tap->lock);
  deadline = tap->deadline;
  pthread_mutex_unlock(&tap->lock);
  return deadline > 0 ? deadline - tae_tap_now() : 1e9;
}

/* Waits until the descriptor can be written, 30 s at most; 0 if it cannot. */
static inline int tae_tap_wait_writable(tae_tap* tap) {
  int slice;
  for (slice = 0; slice < 600 && tae_tap_time_left(tap) > 0; ++slice) {
    struct pollfd p;
    p.fd = tap->fd, p.events = POLLOUT, p.revents = 0;
    /* A listener that is gone shows in what is done next. */
    if (poll(&p, 1, 50) > 0) return 1;
  }
  errno = ETIMEDOUT;
  return 0;
}

/* Starts to connect tap->fd; 0 when it failed at once. */
static inline int tae_tap_connect(tae_tap* tap, int family,
                                  const struct sockaddr* to, socklen_t size) {
  int error = 0;
  socklen_t error_size = sizeof(error);
#ifdef SOCK_CLOEXEC
  tap->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
  tap->fd = socket(family, SOCK_STREAM, 0);
#endif
  if (tap->fd < 0) return 0;
  fcntl(tap->fd, F_SETFD, FD_CLOEXEC);
  fcntl(tap->fd, F_SETFL, O_NONBLOCK);
  if (connect(tap->fd, to, size) == 0) return 1;
  if (errno != EINPROGRESS && errno != EINTR) return 0;
  if (!tae_tap_wait_writable(tap)) error = ETIMEDOUT;
  if (!error) getsockopt(tap->fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
  errno = error;
  return error == 0;
}

static inline int tae_tap_dial_tcp(tae_tap* tap, const char* host_port) {
  char host[256];
  const char* colon = strrchr(host_port, ':');
  struct addrinfo hints, *found = NULL, *one;
  int ok = 0;
  size_t n = colon ? (size_t)(colon - host_port) : sizeof(host);
  errno = EINVAL;
  if (n >= sizeof(host)) return 0;
  memcpy(host, host_port, n);
  host[n] = 0;
  if (host[0] == '[' && n > 2) { /* [::1]:port */
    memmove(host, host + 1, n - 2);
    host[n - 2] = 0;
  }
  memset(&hints, 0, sizeof(hints));
  hints.ai_socktype = SOCK_STREAM;
  errno = EADDRNOTAVAIL; /* what getaddrinfo says is no errno */
  if (getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found) != 0)
    return 0;
  for (one = found; one && !ok; one = one->ai_next) {
    if (tap->fd >= 0) close(tap->fd);
    ok = tae_tap_connect(tap, one->ai_family, one->ai_addr, one->ai_addrlen);
  }
  freeaddrinfo(found);
  return ok;
}

/* Whether the user has both the socket and its folder; sets errno. */
static inline int tae_tap_is_own(const char* path) {
  char folder[kTaeTapOwnRoom];
  struct stat found;
  const size_t n = (size_t)(strrchr(path, '/') - path);
  memcpy(folder, path, n);
  folder[n] = 0;
  if (lstat(folder, &found) == 0 && found.st_uid == geteuid() &&
      lstat(path, &found) == 0 && found.st_uid == geteuid())
    return 1;
  if (errno != ENOENT) errno = EPERM;
  return 0;
}

/* Opens tap->fd; 0 and errno when that failed. */
static inline int tae_tap_dial(tae_tap* tap) {
  struct sockaddr_un name;
  errno = 0;
  if (tap->kind == 'F') {
    tap->fd =
        open(tap->place, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK,
             0644);
    return tap->fd >= 0;
  }
  if (tap->kind == 'T') return tae_tap_dial_tcp(tap, tap->place);
  memset(&name, 0, sizeof(name));
  name.sun_family = AF_UNIX;
  errno = ENAMETOOLONG;
  if (strlen(tap->place) >= sizeof(name.sun_path)) return 0;
  errno = 0;
  if (tap->kind == 'O' && !tae_tap_is_own(tap->place)) return 0;
  strcpy(name.sun_path, tap->place);
  return tae_tap_connect(tap, AF_UNIX, (const struct sockaddr*)&name,
                         sizeof(name));
}

/* Says once why nothing arrives, unless only nobody listens. */
static inline void tae_tap_complain(tae_tap* tap, int error) {
  const int absent = error == ENOENT || error == ECONNREFUSED ||
                     error == ECONNRESET || error == EPIPE ||
                     error == ETIMEDOUT || error == 0;
  if (tap->has_said || (absent && tap->kind != 'F')) return;
  tap->has_said = 1;
  fprintf(stderr, "tae_tap: %s gets no latents: %s; the run goes on\n",
          tap->place,
          error == EPERM && tap->kind == 'O' ? "it belongs to another user"
                                             : strerror(error));
}

/* One write, as far as it goes; negative when the listener is gone. */
static inline long tae_tap_write_some(tae_tap* tap, const char* bytes,
                                      size_t size) {
  long n;
  if (!tae_tap_wait_writable(tap)) return -1;
  if (tap->kind == 'F') {
    n = (long)write(tap->fd, bytes, size);
  } else {
#ifdef MSG_NOSIGNAL
    n = (long)send(tap->fd, bytes, size, MSG_NOSIGNAL);
#else
    int one = 1;
    setsockopt(tap->fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof(one));
    n = (long)send(tap->fd, bytes, size, 0);
#endif
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static inline int tae_tap_deliver(tae_tap* tap,
                                  const tae_tap_message* message) {
  size_t done = 0;
  char said[64];
  struct stat before;
  int error;
  before.st_size = -1;
  if (tap->kind == 'F') {
    if (fstat(tap->fd, &before) != 0 || !S_ISREG(before.st_mode))
      before.st_size = -1;
    /* A listener says nothing: its end of stream means that it hung up. */
  } else if (recv(tap->fd, said, sizeof(said), 0) == 0) {
    errno = 0;
    return 0;
  }
  while (done < message->size) {
    const long n =
        tae_tap_write_some(tap, message->bytes + done, message->size - done);
    if (n < 0) break;
    done += (size_t)n;
  }
  error = errno;
  if (done < message->size && before.st_size >= 0 &&
      ftruncate(tap->fd, before.st_size) != 0) /* leave no torn message */
    done = 0;
  errno = error;
  return done == message->size;
}

/* Sleeps, but not beyond tae_tap_close. */
static inline void tae_tap_pause(tae_tap* tap, double seconds) {
  const double until = tae_tap_now() + seconds;
  struct timespec t;
  t.tv_sec = (time_t)until;
  t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
  pthread_mutex_lock(&tap->lock);
  while (tap->deadline == 0 &&
         pthread_cond_timedwait(&tap->changed, &tap->lock, &t) != ETIMEDOUT) {
  }
  pthread_mutex_unlock(&tap->lock);
}

/* The oldest message; NULL when the tap closes and nothing waits. */
static inline tae_tap_message* tae_tap_take(tae_tap* tap) {
  tae_tap_message* message;
  pthread_mutex_lock(&tap->lock);
  while (!tap->waiting && tap->deadline == 0)
    pthread_cond_wait(&tap->changed, &tap->lock);
  message = tap->waiting;
  if (message) tap->waiting = message->next, --tap->n_waiting;
  pthread_mutex_unlock(&tap->lock);
  return message;
}

/* Puts back what could not be delivered, unless something newer waits. */
static inline void tae_tap_put_back(tae_tap* tap, tae_tap_message* message) {
  pthread_mutex_lock(&tap->lock);
  if (tap->n_waiting < kTaeTapMostWaiting &&
      (message->final || !tap->waiting)) {
    message->next = tap->waiting;
    tap->waiting = message;
    ++tap->n_waiting;
    message = NULL;
  } else {
    ++tap->dropped;
  }
  pthread_mutex_unlock(&tap->lock);
  free(message);
}

static inline void* tae_tap_run(void* argument) {
  tae_tap* tap = (tae_tap*)argument;
  double pause = 0.05;
  int connected = 0, last_attempt = 0;
  tae_tap_message* message;
  while ((message = tae_tap_take(tap)) != NULL) {
    connected = connected || tae_tap_dial(tap);
    if (connected && tae_tap_deliver(tap, message)) {
      pthread_mutex_lock(&tap->lock);
      ++tap->sent;
      pthread_mutex_unlock(&tap->lock);
      free(message);
      pause = 0.05;
      continue;
    }
    tae_tap_complain(tap, errno);
    tae_tap_put_back(tap, message);
    if (tap->fd >= 0) close(tap->fd);
    tap->fd = -1, connected = 0;
    if (last_attempt) break;
    tae_tap_pause(tap, pause);
    last_attempt = tae_tap_time_left(tap) < 1e8;
    pause = pause < 0.5 ? 2 * pause : 1.0;
  }
  if (tap->fd >= 0) close(tap->fd);
  return NULL;
}

/* Where this user's listeners are unless somebody says otherwise. */
static inline void tae_tap_own_socket(char* path, size_t room) {
  const char* folder = getenv("XDG_RUNTIME_DIR");
  const unsigned long user = (unsigned long)geteuid();
  char run[64];
  struct stat found;
  if (!folder || !*folder) {
    folder = run;
    snprintf(run, sizeof(run), "/run/user/%lu", user);
    if (stat(run, &found) != 0 || !S_ISDIR(found.st_mode) ||
        found.st_uid != geteuid())
      snprintf(run, sizeof(run), "/tmp/tae-%lu", user);
  }
  snprintf(path, room, "%s/tae.sock", folder);
}

static inline int tae_tap_ends(const char* text, const char* end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

/* What the address means; `*place` is where in it. 0: nothing. */
static inline char tae_tap_kind(const char* address, const char** place) {
  const char* colon = strrchr(address, ':');
  struct stat found;
  *place = address + 5;
  if (!*address || strcmp(address, "unix:") == 0) return 'O';
  if (strncmp(address, "unix:", 5) == 0) return 'U';
  if (strncmp(address, "file:", 5) == 0) return 'F';
  *place = address + 6;
  if (strncmp(address, "tcp://", 6) == 0) return 'T';
  *place = address;
  if (tae_tap_ends(address, ".safetensors")) return 'F';
  if (tae_tap_ends(address, ".sock") ||
      (stat(address, &found) == 0 && S_ISSOCK(found.st_mode)))
    return 'U';
  return colon && colon[1] && !strchr(address, '/') &&
                 !colon[1 + strspn(colon + 1, "0123456789")]
             ? 'T'
             : 0;
}

/* Starts the thread, which takes no signal from the program's own. */
static inline int tae_tap_start(tae_tap* tap) {
  sigset_t all, before;
  int error;
  tap->fd = -1;
  tap->waiting = NULL, tap->n_waiting = 0;
  pthread_mutex_init(&tap->lock, NULL);
  pthread_cond_init(&tap->changed, NULL);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&tap->thread, NULL, tae_tap_run, tap);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!error) tap->process = getpid();
  return !error;
}

/* NULL when memory or threads are out or the address is none; all functions
 * take NULL for a tap. */
static inline tae_tap* tae_tap_open(const char* address) {
  const char* place;
  const char kind = tae_tap_kind(address ? address : "", &place);
  const size_t room =
      (kind && kind != 'O' ? strlen(place) : 0) + kTaeTapOwnRoom;
  tae_tap* tap = (tae_tap*)calloc(1, sizeof(tae_tap) + room);
  if (!kind)
    fprintf(stderr,
            "tae_tap: %s is none of unix:/path, tcp://host:port, "
            "name.safetensors and file:name; nothing is sent\n",
            address);
  if (!tap || !kind) return free(tap), (tae_tap*)NULL;
  tap->kind = kind;
  if (kind == 'O')
    tae_tap_own_socket(tap->place, kTaeTapOwnRoom);
  else
    strcpy(tap->place, place);
  if (tae_tap_start(tap)) return tap;
  free(tap);
  return NULL;
}

/* Whether the tap has a thread. A forked child has only the descriptor, which
 * is its parent's connection: it begins anew. */
static inline int tae_tap_is_running(tae_tap* tap) {
  if (tap->process == getpid()) return 1;
  if (tap->fd >= 0) close(tap->fd);
  return tae_tap_start(tap);
}

/* Removes the newest waiting message if a newer may replace it, else, when too
 * many wait, the oldest. The lock is held. */
static inline void tae_tap_make_room(tae_tap* tap) {
  tae_tap_message** last = &tap->waiting;
  tae_tap_message* gone = NULL;
  while (*last && (*last)->next) last = &(*last)->next;
  if (*last && !(*last)->final) {
    gone = *last;
    *last = NULL;
  } else if (tap->n_waiting == kTaeTapMostWaiting) {
    gone = tap->waiting;
    tap->waiting = gone->next;
  }
  if (gone) --tap->n_waiting, ++tap->dropped;
  free(gone);
}

/* Hands over one latent and returns at once. Returns 0 when the latent was not
 * taken: its size contradicts dims and dtype, or memory is out. */
static inline int tae_tap_send(tae_tap* tap, const tae_tap_latent* latent) {
  tae_tap_message* message =
      tap && latent && tae_tap_is_running(tap) ? tae_tap_encode(latent) : NULL;
  tae_tap_message** end;
  if (!message) return 0;
  pthread_mutex_lock(&tap->lock);
  tae_tap_make_room(tap);
  for (end = &tap->waiting; *end; end = &(*end)->next) {
  }
  *end = message;
  ++tap->n_waiting;
  pthread_cond_signal(&tap->changed);
  pthread_mutex_unlock(&tap->lock);
  return 1;
}

/* Delivers what waits, for at most so many seconds, and frees the tap. */
static inline void tae_tap_close(tae_tap* tap, double seconds) {
  if (!tap) return;
  if (tap->process != getpid()) {
    if (tap->fd >= 0) close(tap->fd);
    free(tap);
    return;
  }
  pthread_mutex_lock(&tap->lock);
  tap->deadline = tae_tap_now() + seconds;
  pthread_cond_signal(&tap->changed);
  pthread_mutex_unlock(&tap->lock);
  pthread_join(tap->thread, NULL);
  while (tap->waiting) {
    tae_tap_message* next = tap->waiting->next;
    free(tap->waiting);
    tap->waiting = next;
  }
  pthread_cond_destroy(&tap->changed);
  pthread_mutex_destroy(&tap->lock);
  free(tap);
}

#ifdef __cplusplus
}
#endif

#endif /* TAE_TAP_H */
