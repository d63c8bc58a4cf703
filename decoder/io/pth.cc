// libzip over the bytes of the file; each storage is read once.
#include "io/pth.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/checked_math.h"
#include "io/pickle.h"
#include "io/zip_archive.h"

namespace tae {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";

struct StorageType {
  std::string_view name;
  DType dtype;         // of the tensors that come out
  size_t scalar_size;  // as stored
};

constexpr StorageType kStorageTypes[] = {{"HalfStorage", DType::kF16, 2},
                                         {"BFloat16Storage", DType::kBF16, 2},
                                         {"FloatStorage", DType::kF32, 4},
                                         {"DoubleStorage", DType::kF32, 8}};

const StorageType* FindStorage(std::string_view name) {
  for (const StorageType& type : kStorageTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

// "taef2_decoder" where "taef2_decoder/data.pkl" is a record.
std::optional<std::string> RootOf(const ZipArchive& archive) {
  for (const std::string& name : archive.Names()) {
    if (name.ends_with(kPickleName)) {
      return name.substr(0, name.size() - kPickleName.size());
    }
  }
  return std::nullopt;
}

// Of a tensor with elements, so that the products fit.
Status CheckContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t i = tensor.dims.size(); i-- > 0;) {
    if (tensor.dims[i] != 1 && tensor.strides[i] != expected) {
      return Unsupported("tensor '" + tensor.name +
                         "' is not contiguous; save tensor.contiguous()");
    }
    expected *= tensor.dims[i];
  }
  return {};
}

// All records in use, by storage key.
using Records = std::map<std::string, AlignedBuffer>;

class Loader {
 public:
  Loader(const std::string& name, ZipArchive& archive, size_t file_size)
      : archive_(archive),
        records_(std::make_shared<Records>()),
        budget_(file_size) {
    file_.path = name;
    file_.format = FileFormat::kPth;
    file_.bytes = records_;
  }

  Status Add(const std::string& root, const PickledTensor& tensor);
  TensorFile Finish() { return std::move(file_); }

 private:
  Status ReadRecord(const std::string& root, const std::string& key);

  ZipArchive& archive_;
  std::shared_ptr<Records> records_;
  size_t budget_;  // bytes that all records together may still have
  TensorFile file_;
};

// Records of an honest archive do not overlap, so together they are no larger
// than the file.
Status Loader::ReadRecord(const std::string& root, const std::string& key) {
  if (records_->contains(key)) return {};
  StatusOr<AlignedBuffer> record = archive_.Read(
      root + "/data/" + key, budget_, ZipArchive::Compression::kNever);
  if (!record.ok()) return record.status();
  budget_ -= record->size();
  records_->emplace(key, *std::move(record));
  return {};
}

Status Loader::Add(const std::string& root, const PickledTensor& tensor) {
  const StorageType* storage = FindStorage(tensor.storage_type);
  if (storage == nullptr) {
    file_.skipped.push_back(tensor.name + " (" + tensor.storage_type + ")");
    return {};
  }
  const std::optional<size_t> count = CheckedProduct(tensor.dims);
  const std::optional<size_t> size =
      count ? CheckedMul(*count, storage->scalar_size) : std::nullopt;
  const std::optional<size_t> begin =
      tensor.offset < 0 ? std::nullopt
                        : CheckedMul(static_cast<size_t>(tensor.offset),
                                     storage->scalar_size);
  const std::optional<size_t> end =
      size && begin ? CheckedAdd(*begin, *size) : std::nullopt;
  if (!end || *count > INT64_MAX) {
    return DataLoss("tensor '" + tensor.name + "' has the impossible shape " +
                    DimsText(tensor.dims) + " or offset");
  }
  if (*count > 0) TAE_RETURN_IF_ERROR(CheckContiguous(tensor));
  TAE_RETURN_IF_ERROR(ReadRecord(root, tensor.storage_key));
  const AlignedBuffer& record = records_->at(tensor.storage_key);
  if (*end > record.size()) {
    return DataLoss("tensor '" + tensor.name + "' " + DimsText(tensor.dims) +
                    " reaches to byte " + std::to_string(*end) +
                    " of a storage of " + std::to_string(record.size()));
  }
  if (storage->scalar_size == sizeof(double)) {
    AddF64(tensor.name, tensor.dims, record.data() + *begin, *size, &file_);
    return {};
  }
  file_.tensors.push_back({.name = tensor.name,
                           .dtype = storage->dtype,
                           .dims = tensor.dims,
                           .data = record.data() + *begin,
                           .size = *size});
  return {};
}

Status CheckByteOrder(ZipArchive& archive, const std::string& root) {
  const std::string record = root + "/byteorder";
  if (!archive.Has(record)) return {};  // older files: always little endian
  const StatusOr<AlignedBuffer> order =
      archive.Read(record, 16, ZipArchive::Compression::kNever);
  if (!order.ok()) return order.status();
  const std::string_view text(reinterpret_cast<const char*>(order->data()),
                              order->size());
  if (text == "little") return {};
  return Unsupported("the tensors were saved on a big-endian machine");
}

StatusOr<TensorFile> Load(const std::string& name,
                          std::span<const uint8_t> bytes) {
  ZipArchive archive;
  if (!archive.Open(bytes)) {
    return DataLoss(
        "the zip archive is damaged or was not copied to its end "
        "(" +
        archive.Reason() + ")");
  }
  const std::optional<std::string> root = RootOf(archive);
  if (!root) {
    return Unsupported(
        "is a zip archive that torch.save did not make (it holds no "
        "data.pkl)");
  }
  TAE_RETURN_IF_ERROR(CheckByteOrder(archive, *root));
  const StatusOr<AlignedBuffer> pickle =
      archive.Read(*root + std::string(kPickleName), kMaxPickle,
                   ZipArchive::Compression::kNever);
  if (!pickle.ok()) return pickle.status();
  const StatusOr<std::vector<PickledTensor>> tensors =
      ReadStateDict({pickle->data(), pickle->size()});
  if (!tensors.ok()) return tensors.status();
  Loader loader(name, archive, bytes.size());
  for (const PickledTensor& tensor : *tensors) {
    TAE_RETURN_IF_ERROR(loader.Add(*root, tensor));
  }
  return loader.Finish();
}

}  // namespace

StatusOr<TensorFile> ParsePth(const std::string& name,
                              std::span<const uint8_t> bytes) {
  StatusOr<TensorFile> file = Load(name, bytes);
  if (file.ok()) return file;
  return Status(file.status().code(), name + ": " + file.status().message());
}

}  // namespace tae
