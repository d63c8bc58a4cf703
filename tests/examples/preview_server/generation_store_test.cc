#include "generation_store.h"

#include <gtest/gtest.h>

#include <string>

namespace preview {
namespace {

class StoreTest : public testing::Test {
 protected:
  // A latent and its picture; returns the generation's number.
  uint64_t Add(const std::string& name, guint step, bool final = false,
               size_t bytes = 1000, const std::string& prompt = "",
               std::vector<std::string> extra = {}) {
    ArrivedLatent latent;
    latent.prompt = prompt;
    latent.step.extra = std::move(extra);
    latent.key = ++key_;
    latent.step.prompt_id = name;
    latent.step.step = step;
    latent.step.final = final;
    latent.message = CopyBytes(std::string(bytes, 'l'));
    latent.time = gint64(key_);
    const GenerationStore::Added added = store_.AddLatent(latent);
    began_ = added.began;
    const uint64_t id = added.generation->id;
    ArrivedPicture picture;
    picture.key = key_;
    picture.step = latent.step;
    picture.picture = CopyBytes(std::string(10, 'p'));
    placed_ = store_.AddPicture(picture);
    return id;
  }

  // An item of a batch.
  uint64_t AddItem(int item, int items, guint step, bool final = false,
                   size_t bytes = 100) {
    return Add(
        "batch", step, final, bytes, "",
        {"item=" + std::to_string(item), "items=" + std::to_string(items)});
  }

  GenerationStore store_{{.generations = 3, .bytes = 20000, .steps = 8}};
  GenerationStore::Placed placed_;
  bool began_ = false;
  guint64 key_ = 0;
};

TEST_F(StoreTest, StepsOfOneNameAreOneGeneration) {
  const uint64_t id = Add("a", 1);
  EXPECT_TRUE(began_);
  EXPECT_EQ(Add("a", 2), id);
  EXPECT_FALSE(began_);
  EXPECT_EQ(store_.Find(id)->steps.size(), 2u);
  EXPECT_EQ(placed_.step->index, 1u);
}

TEST_F(StoreTest, TwoAtATimeDoNotMix) {
  const uint64_t a = Add("a", 1), b = Add("b", 1);
  EXPECT_NE(a, b);
  EXPECT_EQ(Add("a", 2), a);
  EXPECT_EQ(Add("b", 2), b);
  EXPECT_EQ(store_.FindName("a")->id, a);
}

TEST_F(StoreTest, AStepBackOrAStepAfterTheLastBeginsAnother) {
  const uint64_t a = Add("a", 5);
  const uint64_t back = Add("a", 1);
  EXPECT_NE(back, a);
  EXPECT_EQ(Add("a", 6, true), back);
  EXPECT_NE(Add("a", 7), back);
}

TEST_F(StoreTest, ARefinerGoesOnWithTheGenerationOfItsBase) {
  const uint64_t a = Add("a", 20, false, 100, "a fox");
  EXPECT_EQ(Add("a", 1, false, 100, "a fox"), a);
  EXPECT_EQ(Add("a", 2, true, 100), a);
  EXPECT_EQ(store_.Find(a)->steps.size(), 3u);
  const uint64_t b = Add("b", 20, false, 100, "a fox");
  EXPECT_NE(Add("b", 1, false, 100, "a hare"), b);
}

TEST_F(StoreTest, ItemsOfABatchAreGenerationsThatGoTogether) {
  Add("a", 1);
  uint64_t ids[2][8];
  for (guint step = 1; step <= 3; ++step)
    for (int i = 0; i < 8; ++i) {
      const uint64_t id = AddItem(i, 8, step, step == 3);
      if (step == 1) ids[0][i] = id;
      EXPECT_EQ(id, ids[0][i]);
      EXPECT_EQ(placed_.generation->id, id);
      EXPECT_EQ(placed_.generation->place, (BatchItem{unsigned(i), 8}));
      EXPECT_EQ(placed_.generation->batch, ids[0][0]);
    }
  EXPECT_EQ(store_.generations().size(), 9u);  // "a" and one batch
  store_.AskToStop(ids[0][2]);
  EXPECT_TRUE(store_.FindName("batch")->stop);
  for (int i = 0; i < 8; ++i) {
    ids[1][i] = AddItem(i, 8, 1);
    EXPECT_EQ(store_.Find(ids[1][i])->batch, ids[1][0]);
    EXPECT_FALSE(store_.Find(ids[1][i])->stop);
  }
  EXPECT_EQ(store_.generations().size(), 17u);
  Add("b", 1);
  EXPECT_EQ(store_.generations().size(), 17u);  // without "a"
  Add("c", 1);
  EXPECT_EQ(store_.generations().size(), 10u);
  EXPECT_EQ(store_.Find(ids[0][0]), nullptr);
}

TEST_F(StoreTest, ABatchThatIsTooLargeLosesStepsAndNoItem) {
  for (guint step = 1; step <= 8; ++step)
    for (int i = 0; i < 4; ++i) AddItem(i, 4, step, false, 1000);
  EXPECT_EQ(store_.generations().size(), 4u);
  EXPECT_LE(store_.bytes(), store_.limits().bytes);
  for (const Generation& g : store_.generations()) {
    EXPECT_GE(g.steps.size(), 2u);
    EXPECT_EQ(g.steps.back().said.step, 8u);
  }
}

TEST(BatchItemTest, PlacesThatAreNone) {
  const auto item = [](std::vector<std::string> extra) {
    taegst::LatentStep step;
    step.extra = std::move(extra);
    return ItemOf(step);
  };
  EXPECT_EQ(item({"item=2", "items=3"}), (BatchItem{2, 3}));
  for (const auto& wrong :
       std::vector<std::vector<std::string>>{{},
                                             {"item=1"},
                                             {"items=3"},
                                             {"item=3", "items=3"},
                                             {"item=-1", "items=3"},
                                             {"item=1x", "items=3"},
                                             {"item=1", "items=65"},
                                             {"item=99999999999", "items=3"}})
    EXPECT_EQ(item(wrong), BatchItem());
}

TEST(BatchItemTest, ANameComesBack) {
  taegst::LatentStep step;
  step.prompt_id = "fox (2 of 3)";
  step.extra = {"item=1", "items=3"};
  NameItem(&step);
  EXPECT_NE(step.prompt_id, "fox (2 of 3)");
  UnnameItem(&step);
  EXPECT_EQ(step.prompt_id, "fox (2 of 3)");
}

TEST_F(StoreTest, ALastLatentThatIsHeldIsOneStep) {
  const uint64_t a = Add("a", 5, true);
  EXPECT_EQ(Add("a", 5, true), a);
  EXPECT_EQ(store_.Find(a)->steps.size(), 1u);
}

TEST_F(StoreTest, OldestGoFirst) {
  const uint64_t a = Add("a", 1);
  Add("b", 1), Add("c", 1), Add("d", 1);
  EXPECT_EQ(store_.generations().size(), 3u);
  EXPECT_EQ(store_.Find(a), nullptr);
  EXPECT_EQ(store_.evicted(), 1u);
}

TEST_F(StoreTest, BytesAreBounded) {
  Add("a", 1, true, 9000), Add("b", 1, true, 9000), Add("c", 1, true, 9000);
  EXPECT_LE(store_.bytes(), 20000u);
  EXPECT_EQ(store_.generations().size(), 2u);
}

TEST_F(StoreTest, ALongGenerationLosesEveryOtherStepButNeverItsEnds) {
  uint64_t id = 0;
  for (guint step = 1; step <= 100; ++step) id = Add("a", step);
  const Generation* generation = store_.Find(id);
  EXPECT_LE(generation->steps.size(), 8u);
  EXPECT_EQ(generation->steps.front().said.step, 1u);
  EXPECT_EQ(generation->steps.back().said.step, 100u);
  EXPECT_EQ(generation->came, 100u);
}

TEST_F(StoreTest, OneGenerationCannotTakeMoreThanAll) {
  for (guint step = 1; step <= 7; ++step) Add("a", step, false, 9000);
  EXPECT_LE(store_.bytes(), 20000u);
}

TEST_F(StoreTest, ABetterPictureComesLaterAndGoesToItsStep) {
  const uint64_t a = Add("a", 1);
  key_ += 10;
  Add("b", 1);
  Add("a", 2);
  ArrivedPicture better;
  better.key = 5;  // after the first latent of a, before the second
  better.step.prompt_id = "a";
  better.step.step = 1;
  better.picture = CopyBytes("better");
  const GenerationStore::Placed placed = store_.AddPicture(better);
  ASSERT_NE(placed.step, nullptr);
  EXPECT_EQ(placed.generation->id, a);
  EXPECT_EQ(placed.step->index, 0u);
  EXPECT_EQ(placed.step->version, 2u);
  EXPECT_EQ(ViewOf(placed.step->picture), "better");
}

TEST_F(StoreTest, PicturesOfWhatIsGoneGoNowhere) {
  ArrivedPicture picture;
  picture.key = 77;
  EXPECT_EQ(store_.AddPicture(picture).step, nullptr);
}

TEST_F(StoreTest, TextsOfProducersAreCut) {
  Add(std::string(100000, 'x'), 1);
  EXPECT_LE(store_.newest()->name.size(), 4096u);
}

TEST_F(StoreTest, StopHoldsForItsGenerationAlone) {
  const uint64_t a = Add("a", 1), b = Add("b", 1);
  EXPECT_TRUE(store_.AskToStop(a));
  EXPECT_FALSE(store_.AskToStop(99));
  EXPECT_TRUE(store_.Find(a)->stop);
  EXPECT_FALSE(store_.Find(b)->stop);
}

}  // namespace
}  // namespace preview
