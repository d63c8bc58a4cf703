// Metadata strings <-> LatentDescription.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <system_error>

#include "tae/latent_stream.h"
#include "tae/variant.h"

namespace tae {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

// Reads one key after another and remembers what could not be read.
class Fields {
 public:
  Fields(const LatentMetadata& metadata, std::vector<std::string>* notes)
      : metadata_(metadata), notes_(notes) {}

  std::string_view Text(const std::string& key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? std::string_view() : found->second;
  }

  template <typename Number>
  void Read(const std::string& key, std::optional<Number>* out) {
    const std::string_view text = Text(key);
    if (text.empty()) return;
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end || !std::isfinite(double(value)))
      Note(key, text, "a number");
    else
      *out = value;
  }

  void ReadSize(const std::string& key, std::optional<int>* out) {
    Read(key, out);
    if (*out && **out <= 0) {
      Note(key, Text(key), "a positive number");
      out->reset();
    }
  }

  void Read(const std::string& key, std::optional<bool>* out) {
    const std::string text = LowerCase(Text(key));
    if (text.empty()) return;
    if (text == "true" || text == "1" || text == "yes")
      *out = true;
    else if (text == "false" || text == "0" || text == "no")
      *out = false;
    else
      Note(key, text, "true or false");
  }

 private:
  void Note(const std::string& key, std::string_view found,
            const std::string& expected) {
    notes_->push_back("metadata '" + key + "' is '" +
                      std::string(found.substr(0, 40)) + "', expected " +
                      expected + "; ignored");
  }

  const LatentMetadata& metadata_;
  std::vector<std::string>* notes_;
};

template <typename Number>
std::string Format(Number value) {
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return error == std::errc() ? std::string(text, end) : std::string();
}

template <typename Number>
void Store(const char* key, const std::optional<Number>& value,
           LatentMetadata* metadata) {
  if (value) (*metadata)[key] = Format(*value);
}

void Store(const char* key, const std::string& value,
           LatentMetadata* metadata) {
  if (!value.empty()) (*metadata)[key] = value;
}

}  // namespace

LatentDescription DescribeLatent(const LatentMetadata& metadata) {
  LatentDescription out;
  Fields fields(metadata, &out.notes);
  out.space = LowerCase(fields.Text("space"));
  if (out.space.empty()) out.space = LowerCase(fields.Text("variant"));
  // Any program may write that one: it counts where it names a space.
  if (const std::string_view said = fields.Text("architecture");
      out.space.empty() && FindVariant(said) != nullptr)
    out.space = FindVariant(said)->name;
  out.layout = LowerCase(fields.Text("layout"));
  out.domain = LowerCase(fields.Text("domain"));
  out.pred = LowerCase(fields.Text("pred"));
  fields.ReadSize("width", &out.width);
  fields.ReadSize("height", &out.height);
  fields.Read("step", &out.step);
  fields.Read("steps", &out.steps);
  fields.Read("sigma", &out.sigma);
  fields.Read("sigma_next", &out.sigma_next);
  fields.Read("timestep", &out.timestep);
  fields.Read("fps", &out.fps);
  fields.Read("final", &out.final);
  fields.Read("seed", &out.seed);
  out.gen = fields.Text("gen");
  out.prompt = fields.Text("prompt");
  return out;
}

void StoreDescription(const LatentDescription& in, LatentMetadata* metadata) {
  Store("space", in.space, metadata);
  Store("layout", in.layout, metadata);
  Store("domain", in.domain, metadata);
  Store("pred", in.pred, metadata);
  Store("width", in.width, metadata);
  Store("height", in.height, metadata);
  Store("step", in.step, metadata);
  Store("steps", in.steps, metadata);
  Store("sigma", in.sigma, metadata);
  Store("sigma_next", in.sigma_next, metadata);
  Store("timestep", in.timestep, metadata);
  Store("fps", in.fps, metadata);
  if (in.final) (*metadata)["final"] = *in.final ? "true" : "false";
  Store("seed", in.seed, metadata);
  Store("gen", in.gen, metadata);
  Store("prompt", in.prompt, metadata);
}

}  // namespace tae
