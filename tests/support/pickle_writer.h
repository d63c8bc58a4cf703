// Pickles and .pth archives as torch.save makes them, or nearly.
#pragma once

#include <zip.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace tae {

// Opcodes of protocol 2, appended one by one.
class PickleWriter {
 public:
  PickleWriter() { Raw("\x80\x02"); }

  PickleWriter& Raw(const std::string& bytes) {
    bytes_ += bytes;
    return *this;
  }
  PickleWriter& Text(const std::string& text) {
    return Raw("X").Number32(static_cast<uint32_t>(text.size())).Raw(text);
  }
  PickleWriter& Int(int32_t value) {
    return Raw("J").Number32(static_cast<uint32_t>(value));
  }
  PickleWriter& Global(const std::string& module, const std::string& name) {
    return Raw("c" + module + "\n" + name + "\n");
  }
  // The same in protocols 4 and 5: SHORT_BINUNICODE or BINUNICODE8, MEMOIZE.
  PickleWriter& Text4(const std::string& text, bool wide = false) {
    std::string size(wide ? 8 : 1, '\0');
    size[0] = static_cast<char>(text.size());
    return Raw(wide ? "\x8d" : "\x8c").Raw(size).Raw(text).Raw("\x94");
  }
  PickleWriter& Global4(const std::string& module, const std::string& name) {
    return Text4(module).Text4(name).Raw("\x93\x94");
  }
  PickleWriter& Tuple(const std::vector<int32_t>& values) {
    Raw("(");
    for (const int32_t value : values) Int(value);
    return Raw("t");
  }
  // _rebuild_tensor_v2(storage, offset, dims, strides, False, OrderedDict())
  PickleWriter& Tensor(const std::string& type, const std::string& key,
                       int32_t numel, int32_t offset,
                       const std::vector<int32_t>& dims,
                       const std::vector<int32_t>& strides) {
    Global("torch._utils", "_rebuild_tensor_v2").Raw("((").Text("storage");
    Global("torch", type).Text(key).Text("cpu").Int(numel).Raw("tQ");
    Int(offset).Tuple(dims).Tuple(strides).Raw("\x89");
    return Global("collections", "OrderedDict").Raw(")RtR");
  }
  // As Tensor, as protocols 4 and 5 write it; key 0 of `type`, [2, 2].
  PickleWriter& Tensor4(const std::string& type) {
    Global4("torch._utils", "_rebuild_tensor_v2").Raw("((").Text4("storage");
    Global4("torch", type).Text4("0").Text4("cpu").Raw("K\x04t\x94Q");
    Raw(std::string("K\0K\x02K\x02\x86\x94K\x02K\x01\x86\x94\x89", 15));
    return Global4("collections", "OrderedDict").Raw(")R\x94t\x94R\x94");
  }
  std::vector<uint8_t> Done() const {
    const std::string all = bytes_ + ".";
    return {all.begin(), all.end()};
  }

 private:
  PickleWriter& Number32(uint32_t value) {
    for (int i = 0; i < 4; ++i) {
      bytes_ += static_cast<char>(value >> (8 * i));
    }
    return *this;
  }

  std::string bytes_;
};

using ZipRecords = std::vector<std::pair<std::string, std::vector<uint8_t>>>;

// An archive of stored (or deflated) records; empty when libzip fails.
inline std::vector<uint8_t> WriteZip(const ZipRecords& records,
                                     bool deflate = false) {
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  zip_t* zip = zip_open_from_source(target, ZIP_TRUNCATE, nullptr);
  if (zip == nullptr) return {};
  zip_source_keep(target);
  for (const auto& [name, bytes] : records) {
    zip_source_t* source =
        zip_source_buffer(zip, bytes.data(), bytes.size(), 0);
    const zip_int64_t index = zip_file_add(zip, name.c_str(), source, 0);
    zip_set_file_compression(zip, static_cast<zip_uint64_t>(index),
                             deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  std::vector<uint8_t> out;
  if (zip_close(zip) == 0 && zip_source_open(target) == 0) {
    zip_source_seek(target, 0, SEEK_END);
    out.resize(static_cast<size_t>(zip_source_tell(target)));
    zip_source_seek(target, 0, SEEK_SET);
    zip_source_read(target, out.data(), out.size());
    zip_source_close(target);
  }
  zip_source_free(target);
  return out;
}

}  // namespace tae
