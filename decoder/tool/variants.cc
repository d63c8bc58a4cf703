// `tae variants`: the table of spaces, for people.
#include "model/variants.h"

#include <cstdio>
#include <string>
#include <string_view>

#include "model/linear_tables.h"
#include "tae/decoder.h"
#include "tool/arguments.h"
#include "tool/commands.h"

namespace tae::tool {

namespace {

// "also sd1, sd15...", in lines of a terminal's width.
void PrintAliases(std::string_view aliases) {
  constexpr size_t kWidth = 78;
  std::string line = "    also";
  while (!aliases.empty()) {
    const size_t comma = aliases.find(',');
    const std::string name(aliases.substr(0, comma));
    const bool last = comma == std::string_view::npos;
    if (line.size() + name.size() + 2 > kWidth) {
      std::printf("%s\n", line.c_str());
      line = "        ";
    }
    line += " " + name + (last ? "" : ",");
    if (last) {
      std::printf("%s\n", line.c_str());
      return;
    }
    aliases.remove_prefix(comma + 1);
  }
}

}  // namespace

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
    PrintAliases(info.aliases);
  }
  return 0;
}

}  // namespace tae::tool
