#include "io/safetensors_json.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace tae {
namespace {

using nlohmann::json;

constexpr size_t kMaxRank = 16;

// Events of the JSON parser -> SafetensorsJson. Every callback answers false
// to stop; why_ then says the reason.
class HeaderHandler : public nlohmann::json_sax<json> {
 public:
  explicit HeaderHandler(SafetensorsJson* out) : out_(out) {}
  const std::string& why() const { return why_; }

  bool null() override { return Stop("a null"); }
  bool boolean(bool) override { return Stop("a boolean"); }
  bool number_float(double, const std::string& text) override {
    return Stop("the number " + text);
  }
  bool binary(json::binary_t&) override { return Stop("binary data"); }

  bool number_integer(json::number_integer_t value) override {
    return Stop("the negative number " + std::to_string(value));
  }

  bool number_unsigned(json::number_unsigned_t value) override {
    if (level_ != kInNumbers)
      return Stop("the number " + std::to_string(value));
    if (value > static_cast<uint64_t>(INT64_MAX))
      return Stop("the number " + std::to_string(value));
    if (numbers_.size() >= kMaxRank)
      return Fail(Where() + " has more than 16 numbers");
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(std::string& value) override {
    if (level_ == kInMetadata) {
      out_->metadata.emplace(field_, std::move(value));
      return true;
    }
    if (level_ == kInTensor && field_ == "dtype") {
      out_->tensors.back().dtype = std::move(value);
      return true;
    }
    return Stop("a string");
  }

  bool start_object(size_t) override {
    if (level_ == kStart) {
      level_ = kInHeader;
      return true;
    }
    if (level_ != kInHeader) return Stop("an object");
    seen_fields_.clear();
    if (name_ == "__metadata__") {
      level_ = kInMetadata;
      return true;
    }
    level_ = kInTensor;
    out_->tensors.push_back({});
    out_->tensors.back().name = name_;
    return true;
  }

  bool key(std::string& key) override {
    if (level_ == kInHeader) {
      name_ = key;
      field_.clear();
      if (!seen_names_.insert(key).second)
        return Fail("the key '" + key + "' appears twice");
      return true;
    }
    field_ = key;
    if (!seen_fields_.insert(key).second)
      return Fail("the key '" + key + "' appears twice in '" + name_ + "'");
    if (level_ == kInTensor && key != "dtype" && key != "shape" &&
        key != "data_offsets")
      return Fail("tensor '" + name_ + "' has an unknown field '" + key + "'");
    return true;
  }

  bool end_object() override {
    if (level_ == kInHeader) {
      level_ = kStart;
      return true;
    }
    const bool tensor = level_ == kInTensor;
    level_ = kInHeader;
    if (tensor && seen_fields_.size() != 3)
      return Fail("tensor '" + name_ + "' needs dtype, shape and data_offsets");
    return true;
  }

  bool start_array(size_t) override {
    if (level_ != kInTensor || field_ == "dtype") return Stop("a list");
    level_ = kInNumbers;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    level_ = kInTensor;
    if (field_ == "shape") {
      out_->tensors.back().dims = numbers_;
      return true;
    }
    if (numbers_.size() != 2) return Fail(Where() + " must be two numbers");
    out_->tensors.back().begin = static_cast<uint64_t>(numbers_[0]);
    out_->tensors.back().end = static_cast<uint64_t>(numbers_[1]);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const json::exception&) override {
    return Fail("it is not valid JSON at byte " + std::to_string(position));
  }

 private:
  enum Level { kStart, kInHeader, kInMetadata, kInTensor, kInNumbers };

  std::string Where() const {
    if (level_ == kStart) return "the header";
    return field_.empty() ? "'" + name_ + "'"
                          : "'" + field_ + "' of '" + name_ + "'";
  }
  bool Stop(const std::string& found) {
    std::string expected = "an object";
    if (level_ == kInMetadata) expected = "a string (write \"3\", not 3)";
    if (level_ == kInTensor && field_ == "dtype") expected = "a string";
    if (level_ == kInTensor && field_ != "dtype") expected = "a list";
    if (level_ == kInNumbers) expected = "an unsigned integer below 2^63";
    return Fail(Where() + " is " + found + ", expected " + expected);
  }
  bool Fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
  }

  SafetensorsJson* out_;
  std::string why_;
  Level level_ = kStart;
  std::string name_;   // key in the header
  std::string field_;  // key in the tensor or in the metadata
  std::set<std::string> seen_names_;
  std::set<std::string> seen_fields_;
  std::vector<int64_t> numbers_;
};

Status CheckSize(const SafetensorsEntry& tensor) {
  const std::string where = "safetensors: tensor '" + tensor.name + "': ";
  const int scalar = SafetensorsScalarSize(tensor.dtype);
  if (tensor.end < tensor.begin)
    return DataLoss(where + "data_offsets run backwards");
  if (scalar == 0) return {};
  uint64_t bytes = static_cast<uint64_t>(scalar);
  bool overflow = false;
  for (const int64_t dim : tensor.dims)
    overflow |=
        __builtin_mul_overflow(bytes, static_cast<uint64_t>(dim), &bytes);
  if (overflow) return DataLoss(where + "its shape overflows");
  if (tensor.end - tensor.begin != bytes)
    return DataLoss(where + "shape and dtype ask for " + std::to_string(bytes) +
                    " bytes, data_offsets give " +
                    std::to_string(tensor.end - tensor.begin));
  return {};
}

// Sorts by position and checks that one tensor follows on the other.
Status CheckLayout(SafetensorsJson* header) {
  std::stable_sort(header->tensors.begin(), header->tensors.end(),
                   [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
                     return std::pair(a.begin, a.end) <
                            std::pair(b.begin, b.end);
                   });
  uint64_t position = 0;
  for (const SafetensorsEntry& tensor : header->tensors) {
    if (tensor.begin != position)
      return DataLoss(
          "safetensors: tensor '" + tensor.name + "' begins at " +
          std::to_string(tensor.begin) +
          (tensor.begin < position ? ", an overlap: " : ", a hole: ") +
          "the one before ends at " + std::to_string(position));
    position = tensor.end;
  }
  header->data_size = position;
  return {};
}

}  // namespace

int SafetensorsScalarSize(std::string_view dtype) {
  static constexpr struct {
    std::string_view name;
    int size;
  } kTypes[] = {
      {"F16", 2},         {"BF16", 2},    {"F32", 4},     {"F64", 8},
      {"I8", 1},          {"I16", 2},     {"I32", 4},     {"I64", 8},
      {"U8", 1},          {"U16", 2},     {"U32", 4},     {"U64", 8},
      {"F8_E4M3", 1},     {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"F8_E4M3FNUZ", 1},
      {"F8_E5M2FNUZ", 1}, {"C64", 8},     {"BOOL", 1}};
  const auto row = std::find_if(std::begin(kTypes), std::end(kTypes),
                                [&](const auto& t) { return t.name == dtype; });
  return row == std::end(kTypes) ? 0 : row->size;
}

StatusOr<SafetensorsJson> ParseSafetensorsJson(std::string_view text) {
  SafetensorsJson header;
  HeaderHandler handler(&header);
  // The format pads with spaces; some writers pad with zeros.
  const size_t last = text.find_last_not_of('\0');
  text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
  if (!json::sax_parse(text.begin(), text.end(), &handler))
    return DataLoss("safetensors: damaged header: " + handler.why());
  for (const SafetensorsEntry& tensor : header.tensors)
    TAE_RETURN_IF_ERROR(CheckSize(tensor));
  TAE_RETURN_IF_ERROR(CheckLayout(&header));
  return header;
}

}  // namespace tae
