// A file, or a table, becomes a Model.
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "io/file_bytes.h"
#include "io/safetensors.h"
#include "io/tensor_file.h"
#include "model/architectures.h"
#include "model/detect.h"
#include "model/identify.h"
#include "model/linear_tables.h"
#include "model/model.h"
#include "model/registry.h"
#include "model/rungs.h"
#include "model/variants.h"
#include "models/builtin_weights.h"
#include "tae/decoder.h"

namespace tae {
namespace {

// One content under one name with one wish is one model.
std::string KeyOf(const std::string& path, const std::string& sha256,
                  const std::string& variant) {
  std::error_code error;
  const std::filesystem::path canonical =
      std::filesystem::weakly_canonical(path, error);
  return (error ? path : canonical.string()) + '\n' + sha256 + '\n' + variant;
}

// "taesd3" and "taesdxl" begin with "taesd": the longest name decides.
const VariantInfo* VariantByFileName(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  const VariantInfo* best = nullptr;
  size_t longest = 0;
  for (const VariantInfo& info : Variants()) {
    const std::string_view base =
        info.weights_file.substr(0, info.weights_file.find('_'));
    if (!base.empty() && base.size() > longest &&
        name.find(base) != std::string::npos) {
      best = &info;
      longest = base.size();
    }
  }
  return best;
}

bool Fits(const VariantInfo& info, const ModelSpec& spec) {
  const std::optional<ModelSpec> wanted = ArchitectureOf(info.name);
  return wanted && wanted->latent_channels == spec.latent_channels;
}

// The space of weights whose user did not name it: by hash, by file name, else
// the likeliest of those that fit, with a warning where several do.
const VariantInfo* GuessVariant(const ModelSpec& spec, ModelInfo& info) {
  if (const KnownFile* known = FindKnownFile(info.sha256)) {
    return FindVariant(known->variant);
  }
  const VariantInfo* named = VariantByFileName(info.path);
  if (named != nullptr && Fits(*named, spec)) return named;
  const VariantInfo* likeliest = nullptr;
  std::string others;
  for (const VariantInfo* one : VariantsWithChannels(spec.latent_channels)) {
    if (!Fits(*one, spec)) continue;
    if (likeliest == nullptr) {
      likeliest = one;
    } else {
      others += " or " + std::string(one->name);
    }
  }
  if (likeliest == nullptr) {
    info.warnings.push_back(info.path + ": decodes " +
                            std::to_string(spec.latent_channels) +
                            " channels, which no known space has");
  } else if (!others.empty()) {
    info.warnings.push_back(
        info.path + ": taken as " + std::string(likeliest->name) +
        "; it could as well be" + others.substr(3) + ": name the variant");
  }
  return likeliest;
}

Status ChooseVariant(const VariantInfo* wanted, const ModelSpec& spec,
                     ModelInfo& info) {
  if (wanted == nullptr) {
    wanted = GuessVariant(spec, info);
    info.variant = wanted != nullptr ? std::string(wanted->name) : "";
    return {};
  }
  const std::string name(wanted->name);
  const KnownFile* known = FindKnownFile(info.sha256);
  if (wanted->latent_channels != spec.latent_channels) {
    return InvalidArgument(
        info.path + ": decodes " + std::to_string(spec.latent_channels) +
        " latent channels" +
        (known != nullptr ? " (" + std::string(known->identity) + ")" : "") +
        ", but variant " + name + " has " +
        std::to_string(wanted->latent_channels));
  }
  if (!ArchitectureOf(wanted->name)) {
    info.warnings.push_back(info.path +
                            ": no decoder of this family was made "
                            "for variant " +
                            name);
  } else if (known != nullptr && known->variant != wanted->name) {
    info.warnings.push_back(info.path + ": is " + std::string(known->identity) +
                            " of variant " + std::string(known->variant) +
                            ", used for " + name);
  }
  info.variant = name;
  return {};
}

// Exits that were trained for the published weights of a variant, and smaller
// pictures.
Status AddBuiltinExits(const std::string& variant, Detected& detected) {
  const std::span<const uint8_t> bytes =
      BuiltinWeights(BuiltinKind::kHeads, variant);
  if (bytes.empty()) return {};
  const StatusOr<TensorFile> heads =
      ParseSafetensors("built-in heads " + variant, bytes, nullptr);
  if (!heads.ok()) return heads.status();
  TAE_RETURN_IF_ERROR(AddExits(*heads, &detected.spec, &detected.layers));
  AddDownscaledRungs(&detected.spec, &detected.layers);
  return {};
}

StatusOr<std::shared_ptr<const Model>> Load(const std::string& path,
                                            const LoadOptions& options) {
  const VariantInfo* wanted = FindVariant(options.variant);
  if (wanted == nullptr && !options.variant.empty()) {
    return UnknownVariant(options.variant);
  }
  StatusOr<std::shared_ptr<const FileBytes>> bytes = FileBytes::Read(path);
  if (!bytes.ok()) return bytes.status();
  ModelInfo info;
  info.path = path;
  info.sha256 = Sha256Hex((*bytes)->bytes());
  const std::string key = KeyOf(
      path, info.sha256, wanted != nullptr ? std::string(wanted->name) : "");
  if (std::shared_ptr<const Model> living = FindLivingModel(key)) return living;

  const StatusOr<TensorFile> file = ParseTensorFile(*std::move(bytes));
  if (!file.ok()) return file.status();
  StatusOr<Detected> detected = DetectDecoder(*file);
  if (!detected.ok()) return detected.status();
  if (const KnownFile* known = FindKnownFile(info.sha256)) {
    info.identity = std::string(known->identity);
  } else {
    info.warnings.push_back(IdentityWarning(path, info.sha256));
  }
  const bool linear = detected->spec.name == LinearSpec(1, 8).name;
  // A file of this project says its space, and is nobody's published file.
  if (const auto space = file->metadata.find("space");
      wanted == nullptr && space != file->metadata.end())
    wanted = FindVariant(space->second);
  TAE_RETURN_IF_ERROR(ChooseVariant(wanted, detected->spec, info));
  if (linear) info.warnings.clear();
  if (const VariantInfo* row = FindVariant(info.variant); linear && row)
    detected->spec.pixels_per_latent = row->pixels_per_latent;
  if (!info.identity.empty() && !linear)
    TAE_RETURN_IF_ERROR(AddBuiltinExits(info.variant, *detected));
  info.architecture = std::string(detected->spec.name);
  info.latent_channels = detected->spec.latent_channels;
  info.pixels_per_latent = detected->spec.pixels_per_latent;
  return PublishModel(key, std::make_shared<const Model>(
                               std::move(detected->spec),
                               std::move(detected->layers), std::move(info)));
}

// The table's [channels][3] as a 1x1 convolution, [3][channels].
LayerWeights LinearWeights(const LinearTable& table, int channels) {
  ConvWeights conv{.in_channels = channels,
                   .out_channels = 3,
                   .taps = 1,
                   .weight = {},
                   .bias = {std::begin(table.bias), std::end(table.bias)}};
  for (int rgb = 0; rgb < 3; ++rgb) {
    for (int c = 0; c < channels; ++c) {
      conv.weight.push_back(table.factors[3 * c + rgb]);
    }
  }
  return {.convs = {std::move(conv)}, .pool = {}};
}

// A file that is compiled in, as a model; kUnsupported where there is none.
StatusOr<std::shared_ptr<const Model>> MakeBuiltin(const VariantInfo& variant,
                                                   BuiltinKind kind,
                                                   const std::string& name) {
  const std::span<const uint8_t> bytes = BuiltinWeights(kind, variant.name);
  if (bytes.empty())
    return Unsupported("nothing is built in for variant " +
                       std::string(variant.name));
  const std::string key = name + " decoder of " + std::string(variant.name);
  if (std::shared_ptr<const Model> living = FindLivingModel(key)) return living;
  const StatusOr<TensorFile> file = ParseSafetensors(key, bytes, nullptr);
  if (!file.ok()) return file.status();
  StatusOr<Detected> detected = DetectDecoder(*file);
  if (!detected.ok()) return detected.status();
  detected->spec.rungs = RungsOf(detected->spec);
  detected->spec.rungs[0].name = name;
  AddDownscaledRungs(&detected->spec, &detected->layers);
  ModelInfo made;
  made.variant = std::string(variant.name);
  made.architecture = std::string(detected->spec.name);
  made.identity = key;
  made.latent_channels = detected->spec.latent_channels;
  made.pixels_per_latent = detected->spec.pixels_per_latent;
  return PublishModel(key, std::make_shared<const Model>(
                               std::move(detected->spec),
                               std::move(detected->layers), std::move(made)));
}

// Ours where one was fitted, else the published table.
StatusOr<std::shared_ptr<const Model>> MakeLinear(const VariantInfo& info) {
  StatusOr<std::shared_ptr<const Model>> fitted =
      MakeBuiltin(info, BuiltinKind::kLinear, "linear");
  if (fitted.ok()) return fitted;
  const LinearTable* table = FindLinearTable(info.name);
  if (table == nullptr) {
    return Unsupported("nobody published a linear projection for variant " +
                       std::string(info.name));
  }
  const std::string key = "linear\n" + std::string(info.name);
  if (std::shared_ptr<const Model> living = FindLivingModel(key)) return living;
  ModelInfo made;
  made.variant = std::string(info.name);
  made.architecture = "linear";
  made.identity = "linear projection of " + std::string(info.description);
  made.latent_channels = info.latent_channels;
  made.pixels_per_latent = info.pixels_per_latent;
  ModelSpec spec = LinearSpec(info.latent_channels, info.pixels_per_latent);
  std::vector<LayerWeights> layers{LinearWeights(*table, info.latent_channels)};
  AddDownscaledRungs(&spec, &layers);
  return PublishModel(
      key, std::make_shared<const Model>(std::move(spec), std::move(layers),
                                         std::move(made)));
}

StatusOr<const VariantInfo*> VariantNamed(std::string_view name) {
  const VariantInfo* info = FindVariant(name);
  if (info == nullptr) return UnknownVariant(name);
  return info;
}

}  // namespace

StatusOr<std::shared_ptr<const Model>> LoadModel(const std::string& path,
                                                 const LoadOptions& options) {
  try {
    return Load(path, options);
  } catch (const std::bad_alloc&) {
    return OutOfMemory(path + ": not enough memory to load it");
  }
}

StatusOr<std::shared_ptr<const Model>> LinearModel(std::string_view variant) {
  try {
    const StatusOr<const VariantInfo*> info = VariantNamed(variant);
    if (!info.ok()) return info.status();
    return MakeLinear(**info);
  } catch (const std::bad_alloc&) {
    return OutOfMemory("not enough memory for a linear projection");
  }
}

StatusOr<std::shared_ptr<const Model>> BuiltinModel(std::string_view variant) {
  try {
    const StatusOr<const VariantInfo*> info = VariantNamed(variant);
    if (!info.ok()) return info.status();
    return MakeBuiltin(**info, BuiltinKind::kDecoder, "builtin");
  } catch (const std::bad_alloc&) {
    return OutOfMemory("not enough memory for a built-in decoder");
  }
}

}  // namespace tae
