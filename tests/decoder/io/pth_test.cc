// PyTorch's .pth: what a state dict gives, and what is refused.
#include "io/pth.h"

#include <gtest/gtest.h>

#include <cstring>

#include "io/pickle.h"
#include "io/safetensors.h"
#include "support/pickle_writer.h"
#include "support/shared_data.h"
#include "support/temp_folder.h"

namespace tae {
namespace {

constexpr char kPickle[] = "m/data.pkl";

std::vector<uint8_t> Bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

// {'a': 2x2 half tensor over storage 0, 'b': its last two}
std::vector<uint8_t> SamplePickle() {
  return PickleWriter()
      .Raw("}(")
      .Text("a")
      .Tensor("HalfStorage", "0", 4, 0, {2, 2}, {2, 1})
      .Text("b")
      .Tensor("HalfStorage", "0", 4, 2, {1, 2, 1}, {9, 1, 5})
      .Raw("u")
      .Done();
}

std::vector<uint8_t> Sample() {
  return WriteZip({{kPickle, SamplePickle()},
                   {"m/byteorder", Bytes("little")},
                   {"m/data/0", {1, 0, 2, 0, 3, 0, 4, 0}}});
}

StatusOr<TensorFile> Parse(const std::vector<uint8_t>& bytes) {
  return ParsePth("test.pth", bytes);
}

// The state dict {'a': tensor}, with a storage 0 of eight bytes.
Status WithTensor(const PickleWriter& tensor) {
  PickleWriter pickle;
  const std::vector<uint8_t> bytes = tensor.Done();
  // Without the writer's own PROTO and STOP.
  pickle.Raw("}").Text("a").Raw(
      std::string(bytes.begin() + 2, bytes.end() - 1));
  return Parse(WriteZip({{kPickle, pickle.Raw("s").Done()},
                         {"m/data/0", std::vector<uint8_t>(8)}}))
      .status();
}

Status OfTensor(const std::string& type, int32_t offset,
                const std::vector<int32_t>& dims,
                const std::vector<int32_t>& strides) {
  return WithTensor(PickleWriter().Tensor(type, "0", 4, offset, dims, strides));
}

StatusCode OfPickle(const std::vector<uint8_t>& pickle) {
  return ReadStateDict(pickle).status().code();
}

TEST(Pth, GivesTensorsAndTheirSharedStorage) {
  const StatusOr<TensorFile> file = Parse(Sample());
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors.size(), 2u);
  const TensorView* a = file->Find("a");
  const TensorView* b = file->Find("b");
  EXPECT_EQ(a->dims, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(a->dtype, DType::kF16);
  EXPECT_EQ(b->data, a->data + 4);
  EXPECT_EQ(b->data[0], 3);
  EXPECT_EQ(b->size, 4u);
}

// torch.save(state, path, pickle_protocol=4 or 5).
TEST(Pth, NewerProtocolsGiveTheSame) {
  for (const char* proto : {"\x80\x04", "\x80\x05"}) {
    PickleWriter pickle;
    pickle.Raw(proto).Raw("\x95").Raw(std::string("\x10\0\0\0\0\0\0\0", 8));
    pickle.Raw("}\x94(").Text4("a").Tensor4("HalfStorage");
    pickle.Text4("b", /*wide=*/true).Raw(std::string("h\0", 2));
    pickle.Text4("state").Raw("K\x07").Raw("u");
    const std::vector<uint8_t> bytes = pickle.Done();
    const auto file =
        Parse(WriteZip({{kPickle, {bytes.begin() + 2, bytes.end()}},
                        {"m/data/0", {1, 0, 2, 0, 3, 0, 4, 0}}}));
    ASSERT_TRUE(file.ok()) << file.status().message();
    ASSERT_EQ(file->tensors.size(), 1u);
    EXPECT_EQ(file->tensors[0].name, "a");
    EXPECT_EQ(file->tensors[0].dims, (std::vector<int64_t>{2, 2}));
    EXPECT_EQ(file->tensors[0].data[4], 3);
  }
}

TEST(Pth, NewerProtocolsAreAsRestricted) {
  const Status status =
      ReadStateDict(PickleWriter().Global4("os", "system").Done()).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("os.system"), std::string::npos)
      << status.message();
  for (const std::string& raw :
       {std::string("\x93"), std::string("K\1K\2\x93"), std::string("\x94"),
        std::string("\x8c\x05"
                    "ab"),
        std::string("\x95\1"),
        std::string("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                    "ab")})
    EXPECT_EQ(OfPickle(PickleWriter().Raw(raw).Done()), StatusCode::kDataLoss)
        << raw;
}

TEST(Pth, DoublesBecomeFloats) {
  const double values[4] = {0.5, -1, 2, 1e-3};
  const auto* bytes = reinterpret_cast<const uint8_t*>(values);
  PickleWriter pickle;
  pickle.Raw("}").Text("a").Tensor("DoubleStorage", "0", 4, 1, {3}, {1});
  const auto file = Parse(WriteZip(
      {{kPickle, pickle.Raw("s").Done()}, {"m/data/0", {bytes, bytes + 32}}}));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors.size(), 1u);
  EXPECT_EQ(file->tensors[0].size, 12u);
  EXPECT_TRUE(file->tensors[0].from_f64);
  float back[3];
  memcpy(back, file->tensors[0].data, sizeof(back));
  EXPECT_EQ(back[0], -1.0f);
  EXPECT_EQ(back[2], 1e-3f);
}

TEST(Pth, TheSafetensorsOfTheSameWeightsAreTheSame) {
  TAE_SHARED_OR_SKIP(pth_path, "weights/taef2_decoder.pth");
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  const std::vector<uint8_t> pth_bytes = ReadBytes(pth_path);
  const std::vector<uint8_t> bytes = ReadBytes(path);
  const auto pth = Parse(pth_bytes);
  const auto other = ParseSafetensors(path, bytes, nullptr);
  ASSERT_TRUE(pth.ok()) << pth.status().message();
  ASSERT_TRUE(other.ok());
  ASSERT_EQ(pth->tensors.size(), other->tensors.size());
  for (const TensorView& tensor : pth->tensors) {
    const TensorView* twin = other->Find(tensor.name);
    ASSERT_NE(twin, nullptr) << tensor.name;
    EXPECT_EQ(tensor.dims, twin->dims);
    ASSERT_EQ(tensor.size, twin->size);
    EXPECT_EQ(memcmp(tensor.data, twin->data, tensor.size), 0) << tensor.name;
  }
}

TEST(Pth, EveryTruncationIsRefused) {
  const std::vector<uint8_t> bytes = Sample();
  ASSERT_FALSE(bytes.empty());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<uint8_t> part(bytes.begin(), bytes.begin() + size);
    EXPECT_FALSE(Parse(part).ok()) << size;
  }
}

TEST(Pth, NoBitFlipCrashesOrChangesAValue) {
  const std::vector<uint8_t> bytes = Sample();
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::vector<uint8_t> flipped = bytes;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    const StatusOr<TensorFile> file = Parse(flipped);
    if (!file.ok()) continue;
    // The archive's sums cover names' lengths, the pickle and the data.
    const TensorView* a = file->Find("a");
    if (a != nullptr && a->size == 8) {
      EXPECT_EQ(a->data[6], 4) << bit;
    }
  }
}

TEST(Pth, EveryTruncationAndBitFlipOfThePickleEnds) {
  const std::vector<uint8_t> pickle = SamplePickle();
  for (size_t size = 0; size < pickle.size(); ++size) {
    const std::vector<uint8_t> part(pickle.begin(), pickle.begin() + size);
    EXPECT_NE(OfPickle(part), StatusCode::kOk);
  }
  for (size_t bit = 0; bit < 8 * pickle.size(); ++bit) {
    std::vector<uint8_t> flipped = pickle;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    (void)Parse(
        WriteZip({{kPickle, flipped}, {"m/data/0", std::vector<uint8_t>(8)}}));
  }
}

TEST(Pth, PlacesOutsideOfTheStorageAreRefused) {
  EXPECT_TRUE(OfTensor("HalfStorage", 0, {2, 2}, {2, 1}).ok());
  EXPECT_TRUE(OfTensor("HalfStorage", 0, {}, {}).ok());
  EXPECT_TRUE(OfTensor("FloatStorage", 0, {2}, {1}).ok());
  EXPECT_TRUE(OfTensor("HalfStorage", 3, {0, 5}, {5, 1}).ok());
  EXPECT_FALSE(OfTensor("HalfStorage", 1, {2, 2}, {2, 1}).ok());
  EXPECT_FALSE(OfTensor("HalfStorage", -1, {1}, {1}).ok());
  EXPECT_FALSE(OfTensor("FloatStorage", 0, {3}, {1}).ok());
  EXPECT_FALSE(OfTensor("HalfStorage", 0, {-1}, {1}).ok());
  EXPECT_FALSE(OfTensor("HalfStorage", INT32_MAX, {1}, {1}).ok());
  EXPECT_FALSE(
      OfTensor("HalfStorage", 0, {INT32_MAX, INT32_MAX, INT32_MAX}, {1, 1, 1})
          .ok());
  EXPECT_FALSE(OfTensor("HalfStorage", 0, {2, 2}, {2}).ok());
  EXPECT_FALSE(OfTensor("HalfStorage", 0, std::vector<int32_t>(17, 1),
                        std::vector<int32_t>(17, 1))
                   .ok());
}

TEST(Pth, StridesMustBeContiguous) {
  const Status status = OfTensor("HalfStorage", 0, {2, 2}, {1, 2});
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("'a' is not contiguous"), std::string::npos);
  EXPECT_FALSE(OfTensor("HalfStorage", 0, {2, 2}, {0, 0}).ok());
}

TEST(Pth, OtherStoragesAreListedOnly) {
  const StatusOr<TensorFile> file =
      Parse(WriteZip({{kPickle, PickleWriter()
                                    .Raw("}")
                                    .Text("step")
                                    .Tensor("LongStorage", "0", 1, 0, {}, {})
                                    .Raw("s")
                                    .Done()}}));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->skipped, (std::vector<std::string>{"step (LongStorage)"}));
}

TEST(Pth, ACallableIsRefusedByNameAndNotCalled) {
  const auto status = ReadStateDict(PickleWriter()
                                        .Global("os", "system")
                                        .Raw("(")
                                        .Text("true")
                                        .Raw("tR")
                                        .Done())
                          .status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("'os.system'"), std::string::npos);
  // Known names, used in ways that PyTorch does not.
  EXPECT_NE(OfPickle(PickleWriter()
                         .Global("collections", "OrderedDict")
                         .Raw("(")
                         .Int(1)
                         .Raw("tR")
                         .Done()),
            StatusCode::kOk);
  EXPECT_NE(
      OfPickle(PickleWriter().Global("torch", "HalfStorage").Raw(")R").Done()),
      StatusCode::kOk);
}

TEST(Pth, NestedStateDictsAndParametersAreRead) {
  const auto tensors =
      ReadStateDict(PickleWriter()
                        .Raw("}(")
                        .Text("epoch")
                        .Int(3)
                        .Text("state_dict")
                        .Raw("}")
                        .Text("a")
                        .Global("torch._utils", "_rebuild_parameter")
                        .Raw("(")
                        .Tensor("BFloat16Storage", "0", 1, 0, {1}, {1})
                        .Raw("\x88}tRsu")
                        .Done());
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 1u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].storage_type, "BFloat16Storage");
}

TEST(Pth, DamagedStacksAreRefused) {
  for (const char* bad : {"",
                          "t",
                          "u",
                          "s",
                          "e",
                          "a",
                          "R",
                          "b",
                          "Q",
                          "q\x01",
                          "h\x07",
                          "\x85",
                          "}(u}",
                          "}s",
                          "(((",
                          "]K\x01s",
                          "}K\x01K\x02K\x03s",
                          "N",
                          "K\x01K\x02",
                          "\x8a\x09",
                          "X\xff\xff\xff\xff",
                          "cos\nsystem",
                          "}(K\x01u",
                          "(tQ",
                          "}(K\x01K\x02",
                          "\x95"}) {
    EXPECT_NE(OfPickle(PickleWriter().Raw(bad).Done()), StatusCode::kOk) << bad;
  }
  // A dict that holds itself is no reason to recurse.
  EXPECT_EQ(OfPickle(PickleWriter()
                         .Raw("}q")
                         .Raw(std::string(1, '\0'))
                         .Text("me")
                         .Raw("h")
                         .Raw(std::string(1, '\0'))
                         .Raw("s")
                         .Done()),
            StatusCode::kOk);
}

TEST(Pth, DeepNestingCostsNoStack) {
  EXPECT_NE(OfPickle(PickleWriter()
                         .Raw(std::string(2 << 20, '('))
                         .Raw(std::string(2 << 20, 't'))
                         .Done()),
            StatusCode::kOk);
}

TEST(Pth, DuplicateNamesAreRefused) {
  PickleWriter pickle;
  pickle.Raw("}(");
  for (int i = 0; i < 2; ++i) {
    pickle.Text("a").Tensor("HalfStorage", "0", 4, 0, {4}, {1});
  }
  EXPECT_EQ(OfPickle(pickle.Raw("u").Done()), StatusCode::kDataLoss);
}

TEST(Pth, ArchivesThatTorchDoesNotWrite) {
  EXPECT_EQ(Parse(WriteZip({{"readme.txt", {1}}})).status().code(),
            StatusCode::kUnsupported);
  // 4 MiB of zeros in a file of some kilobytes.
  const std::vector<uint8_t> bomb(4 << 20);
  EXPECT_EQ(Parse(WriteZip({{kPickle, bomb}}, true)).status().code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(Parse(WriteZip({{kPickle, SamplePickle()}})).status().code(),
            StatusCode::kDataLoss);  // no storage
  EXPECT_EQ(Parse(WriteZip({{kPickle, SamplePickle()},
                            {"m/byteorder", Bytes("big")},
                            {"m/data/0", std::vector<uint8_t>(8)}}))
                .status()
                .code(),
            StatusCode::kUnsupported);
}

}  // namespace
}  // namespace tae
