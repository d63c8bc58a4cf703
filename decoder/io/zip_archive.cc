#include "io/zip_archive.h"

#include <memory>

namespace tae {

ZipArchive::~ZipArchive() {
  if (zip_ != nullptr) zip_discard(zip_);
  zip_error_fini(&error_);
}

bool ZipArchive::Open(std::span<const uint8_t> bytes) {
  zip_source_t* source =
      zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error_);
  if (source == nullptr) return false;
  zip_ = zip_open_from_source(source, ZIP_RDONLY, &error_);
  if (zip_ == nullptr) zip_source_free(source);
  return zip_ != nullptr;
}

std::string ZipArchive::Reason() { return zip_error_strerror(&error_); }

std::vector<std::string> ZipArchive::Names() const {
  std::vector<std::string> names;
  const zip_int64_t count = zip_get_num_entries(zip_, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(zip_, static_cast<zip_uint64_t>(i), 0);
    if (name != nullptr) names.emplace_back(name);
  }
  return names;
}

bool ZipArchive::Has(const std::string& name) const {
  return zip_name_locate(zip_, name.c_str(), 0) >= 0;
}

StatusOr<AlignedBuffer> ZipArchive::Read(const std::string& name, size_t limit,
                                         Compression allowed) const {
  zip_stat_t stat;
  if (zip_stat(zip_, name.c_str(), 0, &stat) != 0) {
    return DataLoss("the record '" + name + "' is missing");
  }
  if (!(stat.valid & ZIP_STAT_SIZE) || !(stat.valid & ZIP_STAT_COMP_METHOD) ||
      (stat.comp_method != ZIP_CM_STORE &&
       (allowed == Compression::kNever ||
        stat.comp_method != ZIP_CM_DEFLATE))) {
    return Unsupported("the record '" + name +
                       "' is compressed in a way that such files never are");
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

}  // namespace tae
