// Reads a golden case and checks what it must hold.
#include "tool/golden.h"

#include <climits>
#include <filesystem>
#include <utility>

#include "base/half.h"
#include "io/file_bytes.h"

namespace tae::tool {
namespace {

// [1, channels, height, width], all small enough for int.
StatusOr<const TensorView*> FindPlanes(const TensorFile& file,
                                       const std::string& name) {
  const TensorView* tensor = file.Find(name);
  if (tensor == nullptr) {
    return Unsupported(file.path + ": a golden case has a tensor '" + name +
                       "'");
  }
  const auto& dims = tensor->dims;
  bool fits = dims.size() == 4 && dims[0] == 1;
  for (const int64_t dim : dims) fits = fits && dim > 0 && dim <= INT_MAX;
  if (fits) return tensor;
  return Unsupported(file.path + ": tensor '" + name + "' has shape " +
                     DimsText(dims) +
                     ", expected [1, channels, height, width]");
}

std::string Metadata(const TensorFile& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? "" : found->second;
}

}  // namespace

StatusOr<Golden> ReadGolden(const std::string& path) {
  auto bytes = FileBytes::Read(path);
  if (!bytes.ok()) return bytes.status();
  StatusOr<TensorFile> file = ParseTensorFile(*std::move(bytes));
  if (!file.ok()) return file.status();
  const auto latent = FindPlanes(*file, "latent");
  if (!latent.ok()) return latent.status();
  const auto image = FindPlanes(*file, "image");
  if (!image.ok()) return image.status();
  const TensorView& z = **latent;
  const TensorView& rgb = **image;
  if (rgb.dims[1] != 3) {
    return Unsupported(path + ": 'image' has shape " + DimsText(rgb.dims) +
                       ", expected three channels");
  }
  Golden golden;
  golden.latent = {
      .data = z.data,
      .size = z.size,
      .dtype = z.dtype,
      .layout = LatentLayout::kNchw,
      .domain = LatentDomain::kSampler,
      .channels = static_cast<int>(z.dims[1]),
      .extent = {static_cast<int>(z.dims[2]), static_cast<int>(z.dims[3])}};
  golden.image.resize(rgb.size / SizeOf(rgb.dtype));
  LoadFloats(rgb.dtype, rgb.data, golden.image.size(), golden.image.data());
  golden.image_extent = {static_cast<int>(rgb.dims[2]),
                         static_cast<int>(rgb.dims[3])};
  golden.variant = Metadata(*file, "variant");
  if (const std::string name = Metadata(*file, "weights"); !name.empty()) {
    // Only a name: a case must not point anywhere else.
    golden.weights = (std::filesystem::path(path).parent_path() /
                      std::filesystem::path(name).filename())
                         .string();
  }
  golden.file = *std::move(file);
  return golden;
}

}  // namespace tae::tool
