// The command line, without a library: five commands need no more.
#include "tool/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/pixel_format.h"

namespace tae::tool {
namespace {

template <typename T>
using Names = std::pair<std::string_view, T>;

constexpr std::array kPrecisions = {Names<Precision>{"auto", Precision::kAuto},
                                    Names<Precision>{"f16", Precision::kF16},
                                    Names<Precision>{"f32", Precision::kF32},
                                    Names<Precision>{"bf16", Precision::kBF16},
                                    Names<Precision>{"int8", Precision::kInt8}};

constexpr std::array kBackends = {
    Names<Backend>{"auto", Backend::kAuto},
    Names<Backend>{"reference", Backend::kReference},
    Names<Backend>{"blas", Backend::kBlas},
    Names<Backend>{"native", Backend::kNative}};

constexpr auto kFormats = [] {
  std::array<Names<PixelFormat>, std::size(kPixelFormats)> names;
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = {kPixelFormats[i].name, kPixelFormats[i].format};
  return names;
}();

template <typename Table, typename T = typename Table::value_type::second_type>
StatusOr<T> FindName(const Table& names, std::string_view what,
                     std::string_view word) {
  if (word.empty()) return T(names[0].second);
  std::string allowed;
  for (const auto& [name, value] : names) {
    if (name == word) return T(value);
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  }
  return InvalidArgument(std::string(what) + " '" + std::string(word) +
                         "' is none of " + allowed);
}

template <typename Table, typename T = typename Table::value_type::second_type>
std::string_view NameOf(const Table& names, T value) {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  return "?";
}

// A number in 0..limit that fills the whole word.
std::optional<int> Number(std::string_view word, int limit) {
  int value = 0;
  const char* end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || rest != end || value < 0 || value > limit) {
    return std::nullopt;
  }
  return value;
}

const Option* FindOption(std::span<const Option> options,
                         std::string_view name) {
  const auto found =
      std::find_if(options.begin(), options.end(),
                   [&](const Option& option) { return option.name == name; });
  return found == options.end() ? nullptr : &*found;
}

}  // namespace

StatusOr<Arguments> Arguments::Parse(std::span<const std::string> words,
                                     std::span<const Option> options) {
  Arguments arguments;
  bool only_positional = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (only_positional || word.size() < 2 || word[0] != '-') {
      arguments.positional_.push_back(word);
      continue;
    }
    if (word == "--") {
      only_positional = true;
      continue;
    }
    const size_t equals = word.starts_with("--") ? word.find('=') : word.npos;
    const std::string name = word.substr(0, equals);
    const Option* option = FindOption(options, name);
    if (option == nullptr) return InvalidArgument("unknown option " + name);
    if (option->takes_value && equals == word.npos) {
      if (i + 1 == words.size())
        return InvalidArgument(name + " needs a value");
      arguments.values_[name] = words[++i];
    } else if (option->takes_value) {
      arguments.values_[name] = word.substr(equals + 1);
    } else {
      if (equals != word.npos) return InvalidArgument(name + " has no value");
      arguments.values_[name] = "";
    }
  }
  return arguments;
}

bool Arguments::Has(std::string_view option) const {
  return values_.contains(option);
}

std::string Arguments::Value(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? "" : found->second;
}

StatusOr<Precision> ParsePrecision(std::string_view word) {
  return FindName(kPrecisions, "precision", word);
}

StatusOr<Backend> ParseBackend(std::string_view word) {
  return FindName(kBackends, "backend", word);
}

StatusOr<PixelFormat> ParseFormat(std::string_view word) {
  return FindName(kFormats, "format", word);
}

StatusOr<int> ParseThreads(std::string_view word) {
  const std::optional<int> threads =
      word.empty() ? 0 : Number(word, /*limit=*/1024);
  if (threads) return *threads;
  return InvalidArgument("--threads takes 0 (all cores) to 1024, not '" +
                         std::string(word) + "'");
}

StatusOr<Extent> ParseSize(std::string_view word) {
  const size_t cross = word.find('x');
  if (cross != word.npos) {
    const std::optional<int> width = Number(word.substr(0, cross), 1 << 20);
    const std::optional<int> height = Number(word.substr(cross + 1), 1 << 20);
    if (width && height && *width > 0 && *height > 0) {
      return Extent{*height, *width};
    }
  }
  return InvalidArgument("--size takes WIDTHxHEIGHT in pixels, not '" +
                         std::string(word) + "'");
}

std::string_view PrecisionText(Precision precision) {
  return NameOf(kPrecisions, precision);
}

std::string_view BackendText(Backend backend) {
  return NameOf(kBackends, backend);
}

}  // namespace tae::tool
