// The command line, without a library: five commands need no more.
#include "tool/arguments.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace tae::tool {
namespace {

template <typename T>
using Names = std::pair<std::string_view, T>;

constexpr Names<Precision> kPrecisions[] = {{"auto", Precision::kAuto},
                                            {"f16", Precision::kF16},
                                            {"f32", Precision::kF32},
                                            {"bf16", Precision::kBF16},
                                            {"int8", Precision::kInt8}};

constexpr Names<Backend> kBackends[] = {{"auto", Backend::kAuto},
                                        {"reference", Backend::kReference},
                                        {"blas", Backend::kBlas},
                                        {"native", Backend::kNative}};

constexpr Names<PixelFormat> kFormats[] = {
    {"RGB", PixelFormat::kRgb},
    {"BGR", PixelFormat::kBgr},
    {"RGBA", PixelFormat::kRgba},
    {"BGRA", PixelFormat::kBgra},
    {"ARGB", PixelFormat::kArgb},
    {"ABGR", PixelFormat::kAbgr},
    {"RGBx", PixelFormat::kRgbx},
    {"BGRx", PixelFormat::kBgrx},
    {"xRGB", PixelFormat::kXrgb},
    {"xBGR", PixelFormat::kXbgr},
    {"GBR", PixelFormat::kGbr},
    {"RGBP", PixelFormat::kRgbp},
    {"RGBA64_LE", PixelFormat::kRgba64Le},
    {"GRAY8", PixelFormat::kGray8},
    {"I420", PixelFormat::kI420},
    {"YV12", PixelFormat::kYv12},
    {"NV12", PixelFormat::kNv12},
    {"YUY2", PixelFormat::kYuy2},
    {"UYVY", PixelFormat::kUyvy},
    {"RGB_PLANAR_F32", PixelFormat::kRgbPlanarF32}};

template <typename T, size_t count>
StatusOr<T> FindName(const Names<T> (&names)[count], std::string_view what,
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

template <typename T, size_t count>
std::string_view NameOf(const Names<T> (&names)[count], T value) {
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
