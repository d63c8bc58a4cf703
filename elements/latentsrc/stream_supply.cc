#include "latentsrc/stream_supply.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>

namespace taegst {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr size_t kMostProducers = 16;

}  // namespace

struct StreamSupply::Producer {
  Producer(guint64 number, int fd, ObjectPtr<GSocket> socket,
           const tae::LatentLimits& limits)
      : name("connection-" + std::to_string(number)),
        fd(fd),
        socket(std::move(socket)),
        reader(limits) {}

  const std::string name;
  const int fd;
  const ObjectPtr<GSocket> socket;  // null: standard input
  tae::LatentStreamReader reader;
  guint64 latents = 0;
};

tae::StatusOr<std::unique_ptr<StreamSupply>> StreamSupply::Open(
    const StreamSettings& settings, Warn warn) {
  std::unique_ptr<StreamSupply> supply(
      new StreamSupply(settings, std::move(warn)));
  if (settings.location != "-") {
    tae::StatusOr<std::unique_ptr<Listener>> listener =
        Listener::Open(settings.location, settings.allow_remote);
    if (!listener.ok()) return listener.status();
    supply->listener_ = *std::move(listener);
  }
  supply->thread_ = std::thread([raw = supply.get()] { raw->Run(); });
  return supply;
}

StreamSupply::StreamSupply(const StreamSettings& settings, Warn warn)
    : settings_(settings),
      warn_(std::move(warn)),
      cancel_(g_cancellable_new()),
      chunk_(kChunk) {}

StreamSupply::~StreamSupply() {
  g_cancellable_cancel(cancel_.get());
  if (thread_.joinable()) thread_.join();
}

tae::StatusOr<Supplied> StreamSupply::Next(SuppliedLatent* latent) {
  return slot_.Take(latent);
}

void StreamSupply::AddStats(GstStructure* stats) const {
  const NewestSlot::Counts counts = slot_.counts();
  gst_structure_set(stats, "received", G_TYPE_UINT64, counts.received,
                    "dropped", G_TYPE_UINT64, counts.dropped, "connections",
                    G_TYPE_UINT64, connections_.load(), "failures",
                    G_TYPE_UINT64, failures_.load(), nullptr);
  if (listener_)
    gst_structure_set(stats, "address", G_TYPE_STRING,
                      listener_->address().c_str(), nullptr);
}

void StreamSupply::Run() {
  try {
    Drain();
  } catch (const std::bad_alloc&) {
    warn_(tae::OutOfMemory(settings_.location +
                           ": not enough memory; nothing more is taken"));
  }
  producers_.clear();
  slot_.End();
}

// Waits for connections, bytes and the end.
void StreamSupply::Drain() {
  tae::LatentLimits limits;
  limits.payload_bytes = settings_.max_bytes;
  if (!listener_)
    producers_.push_back(
        std::make_unique<Producer>(1, STDIN_FILENO, nullptr, limits));
  GPollFD cancelled;
  if (!g_cancellable_make_pollfd(cancel_.get(), &cancelled)) return;
  while (!g_cancellable_is_cancelled(cancel_.get()) &&
         (listener_ || !producers_.empty())) {
    std::vector<pollfd> fds = {
        {.fd = cancelled.fd, .events = POLLIN, .revents = 0}};
    for (const auto& producer : producers_)
      fds.push_back({.fd = producer->fd, .events = POLLIN, .revents = 0});
    if (listener_ && producers_.size() < kMostProducers)
      fds.push_back({.fd = listener_->fd(), .events = POLLIN, .revents = 0});
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
    for (size_t i = producers_.size(); i-- > 0;)
      if (fds[i + 1].revents != 0 && !Read(*producers_[i]))
        producers_.erase(producers_.begin() + ptrdiff_t(i));
    if (listener_) AcceptAll();
  }
  g_cancellable_release_fd(cancel_.get());
}

void StreamSupply::AcceptAll() {
  tae::LatentLimits limits;
  limits.payload_bytes = settings_.max_bytes;
  while (producers_.size() < kMostProducers) {
    ObjectPtr<GSocket> socket = listener_->Accept();
    if (!socket) return;
    const guint64 number = ++connections_;
    const int fd = g_socket_get_fd(socket.get());
    producers_.push_back(
        std::make_unique<Producer>(number, fd, std::move(socket), limits));
  }
}

// One piece, so that none of several producers waits for another. False when
// this one is done with.
bool StreamSupply::Read(Producer& producer) {
  const ssize_t size = read(producer.fd, chunk_.data(), chunk_.size());
  if (size > 0) return Take(producer, chunk_.data(), size_t(size));
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  Close(producer);
  return false;
}

bool StreamSupply::Take(Producer& producer, const char* bytes, size_t size) {
  while (size > 0) {
    const tae::StatusOr<size_t> taken = producer.reader.Push(bytes, size);
    if (!taken.ok()) {
      Complain(producer, taken.status());
      return false;
    }
    bytes += *taken;
    size -= *taken;
    std::optional<tae::LatentMessage> message = producer.reader.Pull();
    if (!message) continue;
    tae::StatusOr<SuppliedLatent> latent =
        FromMessage(*std::move(message), settings_.variant);
    if (!latent.ok()) {
      Complain(producer, latent.status());
      return false;
    }
    // Who names no generation is one from end to end.
    if (latent->step.prompt_id.empty()) latent->step.prompt_id = producer.name;
    ++producer.latents;
    slot_.Put(*std::move(latent));
  }
  return true;
}

// Gone: between two messages that is how a run ends, inside one it is not.
void StreamSupply::Close(const Producer& producer) {
  const tae::Status status = producer.reader.Finish();
  if (!status.ok()) Complain(producer, status);
}

void StreamSupply::Complain(const Producer& producer,
                            const tae::Status& status) {
  ++failures_;
  warn_({status.code(), "A producer at " + settings_.location + ", after " +
                            std::to_string(producer.latents) +
                            " latents: " + status.message()});
}

}  // namespace taegst
