// libzip over the bytes of the file; each storage is read once.
#include "io/pth.h"

#include <zip.h>

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

// An open archive over borrowed bytes.
class Archive {
 public:
  Archive() { zip_error_init(&error_); }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive() {
    if (zip_ != nullptr) zip_discard(zip_);
    zip_error_fini(&error_);
  }

  bool Open(std::span<const uint8_t> bytes) {
    zip_source_t* source =
        zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error_);
    if (source == nullptr) return false;
    zip_ = zip_open_from_source(source, ZIP_RDONLY, &error_);
    if (zip_ == nullptr) zip_source_free(source);
    return zip_ != nullptr;
  }

  std::string Reason() { return zip_error_strerror(&error_); }

  // "taef2_decoder" where "taef2_decoder/data.pkl" is a record.
  std::optional<std::string> Root() {
    const zip_int64_t count = zip_get_num_entries(zip_, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
      const char* raw = zip_get_name(zip_, static_cast<zip_uint64_t>(i), 0);
      if (raw == nullptr) continue;
      const std::string_view name(raw);
      if (name.ends_with(kPickleName)) {
        return std::string(name.substr(0, name.size() - kPickleName.size()));
      }
    }
    return std::nullopt;
  }

  bool Has(const std::string& name) {
    return zip_name_locate(zip_, name.c_str(), 0) >= 0;
  }

  // The bytes of a record of at most `limit` bytes, checked by its CRC. Only
  // stored records, so that a small file cannot grow to a large one.
  StatusOr<AlignedBuffer> Read(const std::string& name, size_t limit);

 private:
  zip_error_t error_;
  zip_t* zip_ = nullptr;
};

StatusOr<AlignedBuffer> Archive::Read(const std::string& name, size_t limit) {
  zip_stat_t stat;
  if (zip_stat(zip_, name.c_str(), 0, &stat) != 0) {
    return DataLoss("the record '" + name + "' is missing");
  }
  if (!(stat.valid & ZIP_STAT_SIZE) || !(stat.valid & ZIP_STAT_COMP_METHOD) ||
      stat.comp_method != ZIP_CM_STORE) {
    return Unsupported("the record '" + name +
                       "' is compressed, which torch.save never does");
  }
  if (stat.size > limit) {
    return DataLoss("the record '" + name + "' has " +
                    std::to_string(stat.size) + " bytes, at most " +
                    std::to_string(limit) + " are possible here");
  }
  AlignedBuffer buffer(stat.size);
  if (!buffer.ok()) return OutOfMemory("no memory for record '" + name + "'");
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(zip_, stat.index, 0), zip_fclose);
  zip_uint64_t done = 0;
  while (file != nullptr && done < stat.size) {
    const zip_int64_t got =
        zip_fread(file.get(), buffer.data() + done, stat.size - done);
    if (got <= 0) break;
    done += static_cast<zip_uint64_t>(got);
  }
  // The CRC is compared when the end is read.
  uint8_t beyond;
  if (file == nullptr || done != stat.size ||
      zip_fread(file.get(), &beyond, 1) != 0) {
    return DataLoss("the record '" + name + "' is damaged");
  }
  return buffer;
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
  Loader(const std::string& name, Archive& archive, size_t file_size)
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

  Archive& archive_;
  std::shared_ptr<Records> records_;
  size_t budget_;  // bytes that all records together may still have
  TensorFile file_;
};

// Records of an honest archive do not overlap, so together they are no larger
// than the file.
Status Loader::ReadRecord(const std::string& root, const std::string& key) {
  if (records_->contains(key)) return {};
  StatusOr<AlignedBuffer> record =
      archive_.Read(root + "/data/" + key, budget_);
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

Status CheckByteOrder(Archive& archive, const std::string& root) {
  const std::string record = root + "/byteorder";
  if (!archive.Has(record)) return {};  // older files: always little endian
  const StatusOr<AlignedBuffer> order = archive.Read(record, 16);
  if (!order.ok()) return order.status();
  const std::string_view text(reinterpret_cast<const char*>(order->data()),
                              order->size());
  if (text == "little") return {};
  return Unsupported("the tensors were saved on a big-endian machine");
}

StatusOr<TensorFile> Load(const std::string& name,
                          std::span<const uint8_t> bytes) {
  Archive archive;
  if (!archive.Open(bytes)) {
    return DataLoss(
        "the zip archive is damaged or was not copied to its end "
        "(" +
        archive.Reason() + ")");
  }
  const std::optional<std::string> root = archive.Root();
  if (!root) {
    return Unsupported(
        "a zip archive without data.pkl was not made by "
        "torch.save");
  }
  TAE_RETURN_IF_ERROR(CheckByteOrder(archive, *root));
  const StatusOr<AlignedBuffer> pickle =
      archive.Read(*root + std::string(kPickleName), kMaxPickle);
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
