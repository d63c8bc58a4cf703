#include "waiters.h"

#include <gio/gio.h>
#include <gtest/gtest.h>

#include <string>

#include "http_server.h"
#include "reply.h"

namespace preview {
namespace {

// A server whose requests all wait for the same thing.
class WaitersTest : public testing::Test {
 protected:
  WaitersTest()
      : server_(LocalOptions(), [this](const Request& request) {
          waiters_.Add("it", request.message);
          ++asked_;
        }) {
    EXPECT_TRUE(server_.Start().ok());
  }

  static Options LocalOptions() {
    Options options;
    options.port = 0;
    return options;
  }

  // A client that asked, and whose request has arrived.
  GSocketConnection* Ask() {
    GSocketClient* client = g_socket_client_new();
    std::string host = server_.url().substr(7);
    host.pop_back();
    GSocketConnection* connection = g_socket_client_connect_to_host(
        client, host.c_str(), 80, nullptr, nullptr);
    g_object_unref(client);
    const std::string text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    g_output_stream_write_all(
        g_io_stream_get_output_stream(G_IO_STREAM(connection)), text.data(),
        text.size(), nullptr, nullptr, nullptr);
    for (const int before = asked_; asked_ == before;)
      g_main_context_iteration(nullptr, TRUE);
    return connection;
  }

  static void HangUp(GSocketConnection* connection) {
    g_io_stream_close(G_IO_STREAM(connection), nullptr, nullptr);
    g_object_unref(connection);
  }

  int asked_ = 0;
  Waiters waiters_;
  HttpServer server_;
};

TEST_F(WaitersTest, GivenUpWhenTheLastOneHangsUp) {
  GSocketConnection* one = Ask();
  GSocketConnection* two = Ask();
  int given_up = 0;
  waiters_.WhenNobodyWaits("it", [&] { ++given_up; });
  waiters_.Look();
  EXPECT_EQ(given_up, 0);
  HangUp(one);
  waiters_.Look();
  EXPECT_EQ(given_up, 0);
  HangUp(two);
  while (given_up == 0) waiters_.Look();
  EXPECT_EQ(given_up, 1);
  EXPECT_FALSE(waiters_.Waits("it"));
}

TEST_F(WaitersTest, WhoeverWaitsGetsTheAnswer) {
  GSocketConnection* client = Ask();
  bool given_up = false;
  waiters_.WhenNobodyWaits("it", [&] { given_up = true; });
  waiters_.Look();
  int answered = 0;
  waiters_.End("it", [&](SoupServerMessage* message) {
    ReplyJson(message, "{}");
    ++answered;
  });
  EXPECT_EQ(answered, 1);
  waiters_.Look();
  EXPECT_FALSE(given_up);
  HangUp(client);
}

}  // namespace
}  // namespace preview
