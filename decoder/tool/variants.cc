// `tae variants`: the table of spaces, for people.
#include "model/variants.h"

#include <cstdio>
#include <string>

#include "model/linear_tables.h"
#include "tae/decoder.h"
#include "tool/arguments.h"
#include "tool/commands.h"

namespace tae::tool {

StatusOr<int> ListVariants(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, {});
  if (!arguments.ok()) return arguments.status();
  std::printf("%-21s %3s %6s  %-15s %-6s  %s\n", "variant", "ch", "pixels",
              "decoder", "linear", "weights");
  for (const VariantInfo& info : Variants()) {
    const auto spec = ArchitectureOf(info.name);
    const StatusOr<FoundWeights> found = FindWeights(info.name, "");
    const std::string weights =
        found.ok() ? found->path
        : info.weights_file.empty()
            ? ""
            : std::string(info.weights_file) + " (not here)";
    std::printf(
        "%-21s %3d %6d  %-15s %-6s  %s\n", std::string(info.name).c_str(),
        info.latent_channels, info.pixels_per_latent,
        spec ? std::string(spec->name).c_str() : "-",
        FindLinearTable(info.name) != nullptr ? "yes" : "-", weights.c_str());
    if (!info.aliases.empty()) {
      std::printf("    also %s\n", std::string(info.aliases).c_str());
    }
  }
  return 0;
}

}  // namespace tae::tool
