// Rows that changed, in every order of a latent's numbers.
#include "tae/changed_rows.h"

#include <gtest/gtest.h>

#include "support/layouts.h"

namespace tae {
namespace {

using testing::Arange;
using testing::Array;
using testing::ProducerOrder;
using testing::ProducerOrders;

constexpr int kChannels = 3, kHeight = 6, kWidth = 4;

LatentView ViewOf(const Array& packed, LatentLayout layout) {
  return {.data = packed.values.data(),
          .size = packed.values.size() * sizeof(float),
          .dtype = DType::kF32,
          .layout = layout,
          .domain = LatentDomain::kSampler,
          .channels = kChannels,
          .extent = {kHeight, kWidth}};
}

Array Planes() { return Arange({kChannels, kHeight, kWidth}); }

std::vector<int> RowsOf(const ChangedRows& changed) {
  std::vector<int> rows;
  for (size_t y = 0; y < changed.rows().size(); ++y)
    if (changed.rows()[y] != 0) rows.push_back(static_cast<int>(y));
  return rows;
}

const std::vector<int> kAll = {0, 1, 2, 3, 4, 5};

TEST(ChangedRowsTest, OneNumberIsFoundInEveryOrder) {
  for (const ProducerOrder& order : ProducerOrders()) {
    const bool patches = order.layout != LatentLayout::kNchw &&
                         order.layout != LatentLayout::kNhwc;
    for (size_t i = 0; i < Planes().values.size(); ++i) {
      ChangedRows changed;
      const Array before = order.pack(Planes());
      ASSERT_TRUE(changed.Update(ViewOf(before, order.layout)).ok());
      EXPECT_EQ(RowsOf(changed), kAll) << order.producer;
      Array planes = Planes();
      planes.values[i] += 0.5f;
      const Array after = order.pack(planes);
      ASSERT_TRUE(changed.Update(ViewOf(after, order.layout)).ok());
      const int y = static_cast<int>(i) / kWidth % kHeight;
      EXPECT_EQ(RowsOf(changed),
                patches ? (std::vector<int>{y / 2 * 2, y / 2 * 2 + 1})
                        : std::vector<int>{y})
          << order.producer;
      ASSERT_TRUE(changed.Update(ViewOf(after, order.layout)).ok());
      EXPECT_TRUE(RowsOf(changed).empty()) << order.producer;
    }
  }
}

TEST(ChangedRowsTest, ADifferentKindOfLatentHasChanged) {
  const Array planes = Planes();
  LatentView view = ViewOf(planes, LatentLayout::kNchw);
  ChangedRows changed;
  ASSERT_TRUE(changed.Update(view).ok());
  view.domain = LatentDomain::kVae;
  ASSERT_TRUE(changed.Update(view).ok());
  EXPECT_EQ(RowsOf(changed), kAll);
  view.layout = LatentLayout::kNhwc;
  ASSERT_TRUE(changed.Update(view).ok());
  EXPECT_EQ(RowsOf(changed), kAll);
  view.extent = {kWidth, kHeight};
  ASSERT_TRUE(changed.Update(view).ok());
  EXPECT_EQ(RowsOf(changed), (std::vector<int>{0, 1, 2, 3}));
  changed.Forget();
  ASSERT_TRUE(changed.Update(view).ok());
  EXPECT_EQ(RowsOf(changed), (std::vector<int>{0, 1, 2, 3}));
}

TEST(ChangedRowsTest, SizesThatDoNotFitAreRefused) {
  const Array planes = Planes();
  ChangedRows changed;
  LatentView view = ViewOf(planes, LatentLayout::kNchw);
  --view.size;
  EXPECT_EQ(changed.Update(view).code(), StatusCode::kInvalidArgument);
  view = ViewOf(planes, LatentLayout::kPacked);
  view.channels = 4;
  view.extent = {6, 3};
  EXPECT_EQ(changed.Update(view).code(), StatusCode::kInvalidArgument);
  view.channels = -1;
  EXPECT_EQ(changed.Update(view).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(changed.Update({}).code(), StatusCode::kInvalidArgument);
}

// What the frame holds after a refusal is not known.
TEST(ChangedRowsTest, ARefusedLatentForgetsTheOneBefore) {
  const Array planes = Planes();
  const LatentView view = ViewOf(planes, LatentLayout::kNchw);
  ChangedRows changed;
  ASSERT_TRUE(changed.Update(view).ok());
  ASSERT_TRUE(changed.Update(view).ok());
  EXPECT_EQ(RowsOf(changed), std::vector<int>{});
  EXPECT_FALSE(changed.Update({}).ok());
  ASSERT_TRUE(changed.Update(view).ok());
  EXPECT_EQ(RowsOf(changed), kAll);
}

}  // namespace
}  // namespace tae
