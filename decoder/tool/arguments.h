// The words after a subcommand: options with or without a value, and the rest.
#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tae/decoder.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae::tool {

struct Option {
  std::string_view name;  // "--model"; "-o"
  bool takes_value = true;
};

class Arguments {
 public:
  // Options stand anywhere; "--name=value" is taken too; after "--" nothing is
  // an option. Errors: kInvalidArgument.
  static StatusOr<Arguments> Parse(std::span<const std::string> words,
                                   std::span<const Option> options);

  bool Has(std::string_view option) const;
  // "" when not given.
  std::string Value(std::string_view option) const;
  const std::vector<std::string>& positional() const { return positional_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> positional_;
};

// Words -> values; "" gives the default (kAuto, kRgb, 0). Errors:
// kInvalidArgument with the list of what is allowed.
StatusOr<Precision> ParsePrecision(std::string_view word);
StatusOr<Backend> ParseBackend(std::string_view word);
StatusOr<PixelFormat> ParseFormat(std::string_view word);
StatusOr<int> ParseThreads(std::string_view word);
StatusOr<Extent> ParseSize(std::string_view word);  // "1024x768": width first

std::string_view PrecisionText(Precision precision);
std::string_view BackendText(Backend backend);

}  // namespace tae::tool
