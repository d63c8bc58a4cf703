// What latentsrc is made of, each part alone.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "common/latent_message.h"
#include "latentsrc/admission.h"
#include "latentsrc/default_socket.h"
#include "latentsrc/generation_name.h"
#include "latentsrc/latent_queue.h"
#include "latentsrc/peer_name.h"
#include "latentsrc/source_events.h"
#include "latentsrc/warning_limit.h"
#include "support/temp_folder.h"

namespace {

taegst::SuppliedLatent Latent(guint number, bool final = false) {
  taegst::SuppliedLatent latent;
  latent.step.step = number;
  latent.step.final = final;
  return latent;
}

TEST(LatentQueue, KeepsTheNewestAndEveryFinalOne) {
  taegst::LatentQueue queue;
  for (guint i = 1; i <= 4; ++i) queue.Put(Latent(i));
  queue.Put(Latent(5, true));
  for (guint i = 1; i <= 3; ++i) queue.Put(Latent(i));
  queue.End();
  taegst::SuppliedLatent got;
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kLatent);
  EXPECT_EQ(got.step.step, 5u);
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kLatent);
  EXPECT_EQ(got.step.step, 3u);
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kEnd);
  EXPECT_EQ(queue.counts().received, 8u);
  EXPECT_EQ(queue.counts().dropped, 6u);
}

TEST(LatentQueue, OnlyAFinalOneTakesTheRoomOfTheOldestFinal) {
  taegst::LatentQueue queue;
  for (guint i = 1; i <= 16; ++i) queue.Put(Latent(i, true));
  queue.Put(Latent(100));
  taegst::SuppliedLatent got;
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kLatent);
  EXPECT_EQ(got.step.step, 1u);
  queue.Put(Latent(17, true));
  queue.Put(Latent(18, true));
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kLatent);
  EXPECT_EQ(got.step.step, 3u);
  EXPECT_EQ(queue.counts().dropped, 2u);
}

taegst::SuppliedLatent LatentOf(guint number, size_t bytes) {
  taegst::SuppliedLatent latent = Latent(number);
  latent.bytes = bytes;
  return latent;
}

TEST(LatentQueue, EveryLatentIsKeptWhereThatIsAskedFor) {
  int rooms = 0;
  taegst::LatentQueue queue(100, [&] { ++rooms; });
  for (guint i = 1; i <= 3; ++i) {
    EXPECT_FALSE(queue.full()) << i;
    queue.Put(LatentOf(i, 40));
  }
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.counts().waiting, 3u);
  taegst::SuppliedLatent got;
  for (guint i = 1; i <= 3; ++i) {
    EXPECT_EQ(queue.Take(&got), taegst::Supplied::kLatent);
    EXPECT_EQ(got.step.step, i);
    EXPECT_EQ(rooms, 1) << "told once, when there is room again";
  }
  EXPECT_FALSE(queue.full());
  EXPECT_EQ(queue.counts().dropped, 0u);
}

TEST(LatentQueue, FlushingWinsOverWaiting) {
  taegst::LatentQueue queue;
  queue.SetFlushing(true);
  taegst::SuppliedLatent got;
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kFlushing);
  queue.SetFlushing(false);
  queue.Put(Latent(1));
  EXPECT_EQ(queue.Take(&got), taegst::Supplied::kLatent);
}

constexpr gint64 kSecond = G_USEC_PER_SEC;

taegst::ConnectionRecord Sent(gint64 connected, gint64 latent,
                              bool finished = false) {
  return {.connected = connected,
          .last_bytes = latent,
          .last_latent = latent,
          .sent_latent = true,
          .finished = finished};
}

taegst::ConnectionRecord Silent(gint64 connected, gint64 bytes = 0) {
  return {.connected = connected,
          .last_bytes = std::max(connected, bytes),
          .last_latent = connected};
}

TEST(Admission, WhoSendsNothingGoesFirstThenWhoIsDone) {
  const gint64 now = 100 * kSecond;
  EXPECT_EQ(taegst::WhoMakesRoom({Sent(0, 50 * kSecond), Sent(0, kSecond, true),
                                  Silent(90 * kSecond), Silent(80 * kSecond)},
                                 now),
            3u);
  EXPECT_EQ(taegst::WhoMakesRoom({Sent(0, 50 * kSecond), Sent(0, now, true),
                                  Sent(0, now - 1, true)},
                                 now),
            2u);
  EXPECT_EQ(
      taegst::WhoMakesRoom({Sent(0, 50 * kSecond), Sent(0, 40 * kSecond)}, now),
      1u);
}

TEST(Admission, WhoSendsOrJustCameStays) {
  const gint64 now = 100 * kSecond;
  EXPECT_EQ(taegst::WhoMakesRoom({Sent(0, now - kSecond), Silent(now)}, now),
            std::nullopt);
  EXPECT_EQ(taegst::MayGoFrom(Silent(now)), now + kSecond);
  // A large first latent takes a while; bytes that dribble in do not help long.
  EXPECT_EQ(taegst::MayGoFrom(Silent(now, now + kSecond)), now + 2 * kSecond);
  EXPECT_EQ(taegst::MayGoFrom(Silent(now, now + 60 * kSecond)),
            now + 10 * kSecond);
}

TEST(WarningLimit, CountsWhatItWithholds) {
  taegst::WarningLimit limit;
  const gint64 now = 1000 * kSecond;
  int allowed = 0;
  for (int i = 0; i < 100; ++i) allowed += limit.Allow(now);
  EXPECT_EQ(allowed, 20);
  EXPECT_TRUE(limit.Allow(now + kSecond));
  EXPECT_EQ(limit.TakeWithheld(), 80u);
  EXPECT_EQ(limit.TakeWithheld(), 0u);
}

// The generation that a latent is put into.
std::string Named(taegst::GenerationName* name, guint step,
                  const std::string& prompt = "", bool final = false,
                  const std::string& gen = "") {
  taegst::LatentStep latent;
  latent.step = step;
  latent.final = final;
  latent.prompt_id = gen;
  name->Set(prompt, &latent);
  return latent.prompt_id;
}

TEST(GenerationName, AStepThatGoesBackBeginsAnother) {
  taegst::GenerationName name("connection-1");
  EXPECT_EQ(Named(&name, 1), "connection-1");
  EXPECT_EQ(Named(&name, 2), "connection-1");
  EXPECT_EQ(Named(&name, 2), "connection-1") << "a sampler that stays";
  EXPECT_EQ(Named(&name, 1), "connection-1.2");
  EXPECT_EQ(Named(&name, 1, "", false, "a"), "a") << "what is said counts";
}

TEST(GenerationName, BaseAndRefinerAreOneWhereThePromptIsOne) {
  taegst::GenerationName name("c");
  EXPECT_EQ(Named(&name, 20, "a cat"), "c");
  EXPECT_EQ(Named(&name, 1, "a cat"), "c");
  EXPECT_EQ(Named(&name, 5, "a cat", true), "c");
  EXPECT_EQ(Named(&name, 1, "a cat"), "c.2") << "the same prompt once more";
  EXPECT_EQ(Named(&name, 2, "a cat"), "c.2");
  EXPECT_EQ(Named(&name, 1, "a dog"), "c.3");
}

TEST(GenerationName, WhereItIsSaidNoStepTellsGenerationsApart) {
  taegst::LatentStep step;
  step.step = 1;
  EXPECT_TRUE(taegst::IsOtherGeneration("", 20u, step));
  step.prompt_id = "a";
  EXPECT_FALSE(taegst::IsOtherGeneration("a", 20u, step));
  EXPECT_TRUE(taegst::IsOtherGeneration("b", 20u, step));
}

// A small latent with a large workflow takes what the workflow takes.
TEST(FromMessage, CountsWhatALatentTakesInMemory) {
  tae::LatentMessage message;
  message.header.dims = {1, 4, 2, 2};
  message.header.payload_size = 32;
  message.header.metadata["workflow"] = std::string(1 << 20, 'x');
  message.payload.resize(32);
  const auto latent = taegst::FromMessage(std::move(message), {});
  ASSERT_TRUE(latent.ok()) << latent.status().message();
  EXPECT_GE(latent->bytes, size_t{1} << 20);
}

TEST(Brief, WhatAProducerWroteIsNotPostedWhole) {
  EXPECT_EQ(taegst::Brief("short"), "short");
  const std::string brief = taegst::Brief(std::string(999, 'x') + "\xc3\xa9" +
                                          std::string(1 << 20, 'y'));
  EXPECT_LT(brief.size(), 1100u);
  EXPECT_TRUE(g_utf8_validate(brief.data(), gssize(brief.size()), nullptr));
}

class DefaultSocket : public ::testing::Test {
 protected:
  // Under the folder of the test, for a user that it belongs to.
  taegst::UserPlaces Places() const {
    return {.runtime_folder = "",
            .run_folder = folder_.path() + "/run",
            .temporary_folder = folder_.path(),
            .user = geteuid()};
  }
  static std::string ErrorOf(const taegst::UserPlaces& places) {
    const auto socket = taegst::DefaultSocket(places);
    return socket.ok() ? "none: " + *socket : socket.status().message();
  }
  // A folder of another user. Who is not root finds one.
  std::string OfSomebodyElse() const {
    if (geteuid() != 0) return "/usr";
    const std::string theirs = folder_.path() + "/theirs";
    mkdir(theirs.c_str(), 0700);
    EXPECT_EQ(chown(theirs.c_str(), 12345, 12345), 0);
    return theirs;
  }

  tae::TempFolder folder_;
};

TEST_F(DefaultSocket, LiesInTheRuntimeFolderElseInOneOfOurOwn) {
  taegst::UserPlaces places = Places();
  const std::string user = std::to_string(geteuid());
  const std::string own = folder_.path() + "/tae-" + user;
  EXPECT_EQ(*taegst::DefaultSocket(places), own + "/tae.sock");
  struct stat info;
  ASSERT_EQ(stat(own.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_EQ(*taegst::DefaultSocket(places), own + "/tae.sock") << "again";
  mkdir(places.run_folder.c_str(), 0755);
  mkdir((places.run_folder + "/" + user).c_str(), 0700);
  EXPECT_EQ(*taegst::DefaultSocket(places),
            places.run_folder + "/" + user + "/tae.sock");
  places.runtime_folder = folder_.path();
  EXPECT_EQ(*taegst::DefaultSocket(places), folder_.path() + "/tae.sock");
}

TEST_F(DefaultSocket, IsNotPutWhereOthersRule) {
  taegst::UserPlaces places = Places();
  places.runtime_folder = OfSomebodyElse();
  EXPECT_NE(ErrorOf(places).find("belongs to user"), std::string::npos)
      << ErrorOf(places);
  places.runtime_folder = folder_.path() + "/open";
  mkdir(places.runtime_folder.c_str(), 0700);
  chmod(places.runtime_folder.c_str(), 0770);
  EXPECT_NE(ErrorOf(places).find("may write"), std::string::npos);
  places.runtime_folder = folder_.path() + "/missing";
  EXPECT_NE(ErrorOf(places).find("No such file"), std::string::npos);
  // In the shared folder, somebody else was first, or left a link.
  places = Places();
  const std::string own =
      places.temporary_folder + "/tae-" + std::to_string(geteuid());
  ASSERT_EQ(symlink(OfSomebodyElse().c_str(), own.c_str()), 0);
  EXPECT_NE(ErrorOf(places).find("not a folder"), std::string::npos)
      << ErrorOf(places);
}

TEST(PeerName, IsThatOfTheProcess) {
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const std::string name = taegst::PeerName(ends[0]);
  EXPECT_TRUE(name.starts_with("process " + std::to_string(getpid()) + " ("))
      << name;
  close(ends[0]);
  close(ends[1]);
}

TEST(SourceEvents, DurationIsThatOfAllThatIsShown) {
  EXPECT_EQ(taegst::DurationOf({}, -1, 10), std::nullopt);
  EXPECT_EQ(taegst::DurationOf(7, -1, 10), 70u);
  EXPECT_EQ(taegst::DurationOf(7, 3, 10), 30u);
  EXPECT_EQ(taegst::DurationOf({}, 3, 10), 30u);
}

}  // namespace
