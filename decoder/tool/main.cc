// `tae`: latents, weights and plans from the command line.
#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "tool/commands.h"

namespace {

struct Command {
  std::string_view name;
  tae::StatusOr<int> (*run)(tae::tool::Words);
  const char* usage;
};

constexpr Command kCommands[] = {
    {"inspect", tae::tool::Inspect,
     "tae inspect FILE... [--tensors] [--variant V] [--domain D] [--layout L] "
     "[--size WxH]\n"
     "    What a file is: weights or latents, how many and of which space, "
     "published or\n"
     "    not.\n"},
    {"decode", tae::tool::Decode,
     "tae decode FILE -o OUT.png [--variant V] [--model M] [--method "
     "auto|tae|builtin|linear]\n"
     "           [--rung R] [--precision auto|f16|f32|bf16|int8] [--backend "
     "auto|reference|blas|native]\n"
     "           [--threads N] [--index N|all] [--domain sampler|vae] "
     "[--layout L]\n"
     "           [--size WxH] [--pred x|x0]\n"
     "    Latents (.safetensors, .npy, .npz, ComfyUI .latent) to pictures, "
     ".png "
     "or .ppm.\n"
     "    --index counts from 0 through the messages and their batches; "
     "without "
     "it the\n"
     "    last one is taken. all writes OUT-0.png, OUT-1.png... or, where the "
     "name has %d,\n"
     "    the number in its place. --domain, --layout, --size (pixels, for "
     "tokens),\n"
     "    --pred and --variant stand in place of what the file says.\n"},
    {"validate", tae::tool::Validate,
     "tae validate GOLDEN... [--model M] [--precision P] [--backend B] "
     "[--threads N]\n"
     "             [--json] [--check] [--steps]\n"
     "    Compares with the picture stored beside each latent. --check: exit "
     "status 1\n"
     "    outside of the precision's bounds. --steps: each step against the "
     "reference.\n"},
    {"plan", tae::tool::ShowPlan,
     "tae plan --variant V --size WIDTHxHEIGHT [--precision P] [--format F] "
     "[--backend B]\n"
     "         [--method tae|builtin|linear] [--rung R] [--threads N]\n"
     "    What would run for this size of picture, step by step.\n"},
    {"bench", tae::tool::Bench,
     "tae bench [--model M] [--variant V] [--size 768,1024x512,...] "
     "[--precision P]\n"
     "          [--method M] [--rung R] [--backend B] [--cpu ISA] [--threads "
     "N] [--iters K] [--json] "
     "[--scaling]\n"
     "    How long a decode takes here, in what memory. --scaling: one thread "
     "against N,\n"
     "    beside a loop of nothing but products.\n"},
    {"fit", tae::tool::Fit,
     "tae fit LATENTS... -o TABLE.safetensors [--model M] [--variant V] "
     "[--window 1|3]\n"
     "        [--colours 1|2|4|8] [--held LATENTS] [--threads N]\n"
     "    The linear projection latent -> RGB that comes nearest to a "
     "decoder's "
     "pictures,\n"
     "    or to the pictures stored beside the latents: for a space that has "
     "no table.\n"},
    {"doctor", tae::tool::Doctor,
     "tae doctor LATENTS... [--variant V] [--domain D] [--layout L] [--size "
     "WxH]\n"
     "           [--pred x|x0] [--table] [--misses] [--check]\n"
     "    What is wrong with latents: order, domain, noise, NaN. --table: of "
     "latents\n"
     "    that are right, how many mistakes made on purpose are found, and how "
     "many\n"
     "    false alarms there are. --check: exit status 1 if anything is wrong, "
     "or with\n"
     "    --table below 95 % or with a false alarm.\n"},
    {"quantize", tae::tool::Quantize,
     "tae quantize LATENTS... [--variant V] [--domain D] [--layout L] [--size "
     "WxH]\n"
     "             [--model M] [--method M] [--threads N]\n"
     "    What recording with 8 bits a number costs each picture.\n"},
    {"reuse", tae::tool::Reuse,
     "tae reuse RUN... [--thresholds 0.05,0.1,...] [--variant V] [--domain D] "
     "[--layout L]\n"
     "          [--size WxH] [--model M] [--method M] [--threads N] [--steps]\n"
     "    What taedecode's change-threshold saves and costs on recorded "
     "generations: the\n"
     "    share of pictures shown again, and how far they are from decoding "
     "each. --steps:\n"
     "    the change at each step.\n"},
    {"ladder", tae::tool::ShowLadder,
     "tae ladder --variant V | --model M\n"
     "    The rungs of a space: share of the full decoder's multiply-adds and "
     "time, and\n"
     "    PSNR against its pictures at four sizes. * is shrunk from a larger "
     "one.\n"},
    {"variants", tae::tool::ListVariants,
     "tae variants\n"
     "    The latent spaces, their weights and where these are on this "
     "machine.\n"},
};

int Usage(FILE* stream) {
  for (const Command& command : kCommands) {
    std::fputs(command.usage, stream);
  }
  return stream == stdout ? 0 : 2;
}

int Run(const Command& command, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") {
      std::fputs(command.usage, stdout);
      return 0;
    }
  }
  const tae::StatusOr<int> result = command.run(words);
  if (result.ok()) return *result;
  std::fprintf(stderr, "tae %s: %s\n", std::string(command.name).c_str(),
               result.status().message().c_str());
  return 2;
}

// What was being done, to which files of what size, and what may help. Without
// memory of its own.
void NoMemory(std::string_view command, int argc, char** argv) {
  std::fprintf(stderr, "tae %.*s: not enough memory", int(command.size()),
               command.data());
  for (int i = 2; i < argc; ++i) {
    struct stat info;
    if (stat(argv[i], &info) == 0 && S_ISREG(info.st_mode))
      std::fprintf(stderr, "; %s has %lld bytes", argv[i],
                   static_cast<long long>(info.st_size));
  }
  std::fputs(
      ". Close other programs, raise the limit (ulimit -v), or take a smaller "
      "latent, fewer files, or --method linear\n",
      stderr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return Usage(stderr);
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") return Usage(stdout);
  for (const Command& command : kCommands) {
    if (command.name != name) continue;
    try {
      return Run(command, std::vector<std::string>(argv + 2, argv + argc));
    } catch (const std::bad_alloc&) {
      NoMemory(name, argc, argv);
      return 2;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "tae %s: %s\n", argv[1], error.what());
      return 2;
    }
  }
  std::fprintf(stderr, "tae: there is no command '%s'\n", argv[1]);
  return Usage(stderr);
}
