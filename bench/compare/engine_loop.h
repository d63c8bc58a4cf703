// How an engine talks to compare.py: a line of JSON for every line read.
//   (start)    {"ready": true, "kib": R}   resident after the model was loaded
//   run        {"seconds": s}              one decode
//   save PATH  {"saved": true}             raw floats [3][height][width], 0..1
//   memory     {"kib": P}                  the most that was ever resident
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace engine {

struct Words {
  std::string weights;
  std::string latent;  // raw floats [32][size / 8][size / 8]
  int size = 0;        // pixels, square
  int threads = 0;
  std::string precision;
  std::string extra;  // of the engine
};

[[noreturn]] inline void Fail(const std::string& why) {
  std::cerr << why << std::endl;
  std::exit(2);
}

inline Words ParseWords(int argc, char** argv) {
  if (argc < 6)
    Fail("words are: WEIGHTS LATENT SIZE THREADS PRECISION [EXTRA]");
  return {argv[1],
          argv[2],
          std::atoi(argv[3]),
          std::atoi(argv[4]),
          argv[5],
          argc > 6 ? argv[6] : ""};
}

inline std::vector<float> ReadFloats(const std::string& path, size_t count) {
  std::vector<float> values(count);
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(values.data()),
                 static_cast<std::streamsize>(count * sizeof(float))))
    Fail(path + ": shorter than " + std::to_string(count) + " floats");
  return values;
}

// A line of /proc/self/status, "VmRSS:" or "VmHWM:", in KiB.
inline long StatusKib(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == wanted) {
      long kib = 0;
      status >> kib;
      return kib;
    }
  return 0;
}

struct Engine {
  std::function<void()> run;
  std::function<std::vector<float>()> picture;  // decodes again if it must
};

// Until the end of input. `prepare` allocates what belongs to the shape.
inline int Serve(const std::function<Engine()>& prepare) {
  std::printf("{\"ready\": true, \"kib\": %ld}\n", StatusKib("VmRSS:"));
  std::fflush(stdout);
  const Engine engine = prepare();
  for (std::string word; std::cin >> word;) {
    if (word == "run") {
      const auto start = std::chrono::steady_clock::now();
      engine.run();
      const std::chrono::duration<double> seconds =
          std::chrono::steady_clock::now() - start;
      std::printf("{\"seconds\": %.6f}\n", seconds.count());
    } else if (word == "memory") {
      std::printf("{\"kib\": %ld}\n", StatusKib("VmHWM:"));
    } else if (word == "save") {
      std::string path;
      std::cin >> path;
      const std::vector<float> values = engine.picture();
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(values.data()),
                 static_cast<std::streamsize>(values.size() * sizeof(float)));
      std::puts("{\"saved\": true}");
    } else {
      Fail("unknown word " + word);
    }
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace engine
