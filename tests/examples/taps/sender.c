/* A native program with a tap:
 * sender ADDRESS STEPS MICROSECONDS CLOSE_SECONDS [fork|alarms].
 * Without ADDRESS ("") it is the user's own socket. fork: a child sends the
 * second half of the steps. alarms: signals interrupt all that the program
 * does. Prints the longest time that one send took and the time that closing
 * took, in seconds. Built as C99 and as C++. */
#include <dirent.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tae_tap.h"

enum { kChannels = 16, kSide = 128, kCount = kChannels * kSide * kSide };

static float pixels[kCount];

static tae_tap_latent Latent(int step, int steps) {
  tae_tap_latent latent;
  int i;
  memset(&latent, 0, sizeof(latent));
  for (i = 0; i < kCount; ++i) pixels[i] = (float)step;
  latent.data = pixels, latent.size = sizeof(pixels), latent.dtype = "F32";
  latent.dims[0] = 1, latent.dims[1] = kChannels;
  latent.dims[2] = latent.dims[3] = kSide, latent.n_dims = 4;
  latent.space = "flux1", latent.layout = "nchw", latent.pred = "x0";
  latent.gen = "7", latent.prompt = "a \"cat\"\n\\ \xe7\x8c\xab";
  latent.step = step, latent.steps = steps, latent.final = step == steps;
  latent.has_sigma = 1, latent.sigma = 0.25;
  latent.has_seed = 1, latent.seed = 18446744073709551615u;
  return latent;
}

static int Refuses(tae_tap* tap) {
  tae_tap_latent wrong = Latent(1, 2);
  int taken = 0;
  wrong.dims[3] = 127;
  taken += tae_tap_send(tap, &wrong);
  wrong = Latent(1, 2), wrong.dtype = "F64";
  taken += tae_tap_send(tap, &wrong);
  wrong = Latent(1, 2), wrong.dims[0] = -1;
  taken += tae_tap_send(tap, &wrong);
  wrong = Latent(1, 2), wrong.data = NULL;
  taken += tae_tap_send(tap, &wrong);
  taken += tae_tap_send(NULL, &wrong);
  taken += tae_tap_send(tap, NULL);
  tae_tap_close(NULL, 1);
  return taken == 0;
}

static int Descriptors(void) {
  DIR* folder = opendir("/proc/self/fd");
  int n = 0;
  while (readdir(folder)) ++n;
  closedir(folder);
  return n;
}

static volatile sig_atomic_t alarms;
static pthread_t main_thread;

static void OnAlarm(int signal) {
  (void)signal;
  /* The tap's thread takes no signal. */
  if (!pthread_equal(pthread_self(), main_thread)) abort();
  alarms = alarms + 1;
}

static void StartAlarms(void) {
  struct sigaction action;
  struct itimerval each = {{0, 500}, {0, 500}};
  memset(&action, 0, sizeof(action)); /* without SA_RESTART */
  action.sa_handler = OnAlarm;
  main_thread = pthread_self();
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &each, NULL);
}

/* The longest time of one; negative when one was not taken. */
static double SendAll(tae_tap* tap, int from, int to, int steps, int pause) {
  double longest = 0;
  int step;
  for (step = from; step <= to; ++step) {
    const tae_tap_latent latent = Latent(step, steps);
    double begin = tae_tap_now();
    if (!tae_tap_send(tap, &latent)) return -1;
    begin = tae_tap_now() - begin;
    if (begin > longest) longest = begin;
    usleep((useconds_t)pause);
  }
  return longest;
}

/* The child's half of the steps, and how it ended. */
static int Fork(tae_tap* tap, int steps, char** argv) {
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    const double longest =
        SendAll(tap, steps / 2 + 1, steps, steps, atoi(argv[3]));
    tae_tap_close(tap, atof(argv[4]));
    _exit(longest < 0);
  }
  waitpid(child, &status, 0);
  return status;
}

int main(int argc, char** argv) {
  const int before = Descriptors();
  double longest, begin;
  int steps, last;
  const char* mode = argc == 6 ? argv[5] : "";
  tae_tap* tap;
  if (argc < 5) return 2;
  steps = atoi(argv[2]);
  last = strcmp(mode, "fork") ? steps : steps / 2;
  tap = tae_tap_open(*argv[1] ? argv[1] : NULL);
  if (!tap || !Refuses(tap)) return 1;
  if (strcmp(mode, "alarms") == 0) StartAlarms();
  longest = SendAll(tap, 1, last, steps, atoi(argv[3]));
  if (longest < 0 || (last < steps && Fork(tap, steps, argv) != 0)) return 1;
  begin = tae_tap_now();
  tae_tap_close(tap, atof(argv[4]));
  if (strcmp(mode, "alarms") == 0 && alarms == 0) return 3;
  printf("%.6f %.6f\n", longest, tae_tap_now() - begin);
  return Descriptors() == before ? 0 : 4;
}
