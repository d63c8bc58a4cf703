#include "io/latent_npy.h"

#include <charconv>
#include <optional>
#include <string>

namespace tae {
namespace {

constexpr size_t kMaxRank = 16;

Status Damaged(const std::string& why) {
  return DataLoss("npy: damaged header: " + why);
}

// A reader of the few Python literals that numpy writes.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  bool Take(char wanted) {
    Skip();
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeWord(std::string_view word) {
    Skip();
    if (text_.substr(0, word.size()) != word) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string_view> TakeString() {
    Skip();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return {};
    const size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return {};
    const std::string_view value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return value;
  }
  std::optional<int64_t> TakeSize() {
    Skip();
    int64_t value = -1;
    const char* end = text_.data() + text_.size();
    const auto [rest, error] = std::from_chars(text_.data(), end, value);
    if (error != std::errc() || value < 0) return {};
    text_.remove_prefix(static_cast<size_t>(rest - text_.data()));
    (void)Take('L');  // Python 2 wrote 64L
    return value;
  }
  bool AtEnd() {
    Skip();
    return text_.empty();
  }

 private:
  void Skip() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n'))
      text_.remove_prefix(1);
  }
  std::string_view text_;
};

// What arrays of this dtype mostly are.
std::string LikelyContent(std::string_view descr) {
  if (descr == "|u1" || descr == "|b1")
    return ", but that of a picture or a mask";
  if (descr.find('i') != descr.npos || descr.find('u') != descr.npos)
    return ", but that of sound, labels or sizes";
  if (descr.find('c') != descr.npos) return ", but that of a spectrum";
  return "";
}

StatusOr<StoredType> ParseDescr(std::string_view descr) {
  if (descr == "<f2") return StoredType::kF16;
  if (descr == "<f4") return StoredType::kF32;
  if (descr == "<f8") return StoredType::kF64;
  if (descr == "<V2" || descr == "|V2") return StoredType::kBF16;
  return Unsupported("npy: dtype '" + std::string(descr) +
                     "' is not a latent's" + LikelyContent(descr) +
                     ": expected <f2, <f4, <f8 or V2 (bfloat16)");
}

Status ParseShape(Literal* text, std::vector<int64_t>* dims) {
  if (!text->Take('(')) return Damaged("'shape' is not a tuple");
  while (!text->Take(')')) {
    const std::optional<int64_t> dim = text->TakeSize();
    if (!dim) return Damaged("'shape' holds something else than sizes");
    if (dims->size() >= kMaxRank) return Damaged("more than 16 dimensions");
    dims->push_back(*dim);
    if (!text->Take(',')) {
      if (!text->Take(')')) return Damaged("'shape' is not closed");
      break;
    }
  }
  return {};
}

// The value of one key.
Status ParseValue(std::string_view key, Literal* text, NpyHeader* header) {
  if (key == "shape") return ParseShape(text, &header->dims);
  if (key == "descr") {
    const std::optional<std::string_view> descr = text->TakeString();
    if (!descr) return Unsupported("npy: an array of records is no latent");
    StatusOr<StoredType> stored = ParseDescr(*descr);
    if (!stored.ok()) return stored.status();
    header->stored = *stored;
    return {};
  }
  if (key == "fortran_order") {
    if (text->TakeWord("False")) return {};
    if (text->TakeWord("True"))
      return Unsupported(
          "npy: the array is in Fortran order; save "
          "numpy.ascontiguousarray(latent)");
    return Damaged("'fortran_order' is neither True nor False");
  }
  return Damaged("unknown key '" + std::string(key) + "'");
}

}  // namespace

StatusOr<NpyHeader> ParseNpyHeader(std::string_view dict) {
  Literal text(dict);
  NpyHeader header;
  unsigned seen = 0;  // a bit a key
  if (!text.Take('{')) return Damaged("it does not begin with '{'");
  while (!text.Take('}')) {
    const std::optional<std::string_view> key = text.TakeString();
    if (!key || !text.Take(':')) return Damaged("it is not a dictionary");
    const unsigned bit = *key == "descr"           ? 1
                         : *key == "shape"         ? 2
                         : *key == "fortran_order" ? 4
                                                   : 8;
    if (seen & bit)
      return Damaged("the key '" + std::string(*key) + "' appears twice");
    seen |= bit;
    TAE_RETURN_IF_ERROR(ParseValue(*key, &text, &header));
    if (!text.Take(',')) {
      if (!text.Take('}')) return Damaged("the dictionary is not closed");
      break;
    }
  }
  if (seen != 7) return Damaged("descr, fortran_order and shape are needed");
  if (!text.AtEnd()) return Damaged("something follows the dictionary");
  return header;
}

}  // namespace tae
