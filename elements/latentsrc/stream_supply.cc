#include "latentsrc/stream_supply.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "common/latent_message.h"

namespace taegst {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr size_t kMostProducers = 16;
constexpr size_t kMostSaid = 64;  // different sentences about one connection
constexpr gint64 kMillisecond = 1000;
constexpr gint64 kRetry = 250 * kMillisecond;

// Kept to be closed: then one more connection can be let in.
Descriptor OpenReserve() {
  return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

pollfd Readable(int fd) { return {.fd = fd, .events = POLLIN, .revents = 0}; }

std::string Seconds(gint64 microseconds) {
  return std::to_string(microseconds / G_USEC_PER_SEC) + " s";
}

}  // namespace

tae::StatusOr<std::unique_ptr<StreamSupply>> StreamSupply::Open(
    const StreamSettings& settings, Warn warn) {
  std::unique_ptr<StreamSupply> supply(
      new StreamSupply(settings, std::move(warn)));
  if (!supply->wake_ || !supply->stop_)
    return tae::Unreadable("location=" + settings.location +
                           ": cannot listen: " + std::strerror(errno));
  if (settings.location != "-") {
    tae::StatusOr<std::unique_ptr<Listener>> listener =
        Listener::Open(settings.location, settings.allow_remote, supply->warn_);
    if (!listener.ok()) return listener.status();
    supply->listener_ = *std::move(listener);
  }
  supply->thread_ = std::thread([raw = supply.get()] { raw->Run(); });
  return supply;
}

StreamSupply::StreamSupply(const StreamSettings& settings, Warn warn)
    : settings_(settings),
      warn_(std::move(warn)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      queue_(settings.keep_bytes, [this] { eventfd_write(wake_.get(), 1); }),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      chunk_(kChunk),
      reserve_(OpenReserve()) {}

StreamSupply::~StreamSupply() {
  if (stop_) eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) thread_.join();
  const guint64 waiting = queue_.counts().waiting;
  if (settings_.keep_bytes > 0 && waiting > 0)
    warn_(tae::DataLoss("stopped while " + std::to_string(waiting) +
                        " latents of " + settings_.location +
                        " waited to be passed on; they are lost"));
}

tae::StatusOr<Supplied> StreamSupply::Next(SuppliedLatent* latent) {
  return queue_.Take(latent);
}

bool StreamSupply::Finish() {
  if (settings_.keep_bytes == 0) return false;
  finishing_ = true;
  eventfd_write(stop_.get(), 1);
  return true;
}

void StreamSupply::AddStats(GstStructure* stats) const {
  const LatentQueue::Counts counts = queue_.counts();
  gst_structure_set(stats, "received", G_TYPE_UINT64, counts.received,
                    "dropped", G_TYPE_UINT64, counts.dropped, "waiting",
                    G_TYPE_UINT64, counts.waiting, "connections", G_TYPE_UINT64,
                    connections_.load(), "failures", G_TYPE_UINT64,
                    failures_.load(), "evicted", G_TYPE_UINT64, evicted_.load(),
                    "connected", G_TYPE_UINT64, connected_.load(), nullptr);
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
  queue_.End();
}

// Waits for connections, bytes and the end.
void StreamSupply::Drain() {
  if (!listener_) Add(STDIN_FILENO, Descriptor());
  std::vector<bool> ready;
  while (listener_ || !producers_.empty()) {
    if (!Wait(&ready)) break;
    ReadAll(ready);
    if (listener_ && !queue_.full() && accept_again_ <= g_get_monotonic_time())
      AcceptAll();
  }
  if (finishing_) ReadRest();
}

// What programs sent and the system still holds; who goes on sending is not
// waited for.
void StreamSupply::ReadRest() {
  const gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC;
  for (size_t i = producers_.size(); i-- > 0;) {
    pollfd bytes = Readable(producers_[i]->fd);
    while (g_get_monotonic_time() < until && poll(&bytes, 1, 0) > 0)
      if (!Read(*producers_[i])) {
        Remove(i);
        break;
      }
  }
}

// Milliseconds until who waits to be let in is worth another look.
int StreamSupply::WaitTime() const {
  if (accept_again_ == 0) return -1;
  const gint64 left = accept_again_ - g_get_monotonic_time();
  return int(std::max<gint64>(0, left + kMillisecond - 1) / kMillisecond);
}

// ready: which producers have bytes. False at the end.
bool StreamSupply::Wait(std::vector<bool>* ready) {
  connected_ = producers_.size();
  ready->assign(producers_.size(), false);
  std::vector<pollfd> fds = {Readable(stop_.get()), Readable(wake_.get())};
  const size_t first = fds.size();
  const bool full = queue_.full();
  if (full) WaitForRoom();
  // A negative descriptor is passed over.
  for (const auto& producer : producers_)
    fds.push_back(Readable(full ? -1 : producer->fd));
  // Nobody makes room for another one while none of them is read from.
  if (listener_ && accept_again_ == 0 && !full)
    for (const int fd : listener_->fds()) fds.push_back(Readable(fd));
  const int count = poll(fds.data(), nfds_t(fds.size()), WaitTime());
  if (count < 0) return errno == EINTR;
  if (fds[0].revents != 0) return false;
  eventfd_t ignored;
  if (fds[1].revents != 0) eventfd_read(wake_.get(), &ignored);
  for (size_t i = 0; i < ready->size(); ++i)
    (*ready)[i] = fds[first + i].revents != 0;
  return true;
}

void StreamSupply::ReadAll(const std::vector<bool>& ready) {
  for (size_t i = ready.size(); i-- > 0;)
    if (ready[i] && !Read(*producers_[i])) Remove(i);
}

void StreamSupply::Remove(size_t index) {
  producers_.erase(producers_.begin() + ptrdiff_t(index));
  accept_again_ = 0;
  if (!reserve_) reserve_ = OpenReserve();
}

void StreamSupply::Add(int fd, Descriptor owned) {
  const guint64 number = ++connections_;
  producers_.push_back(std::make_unique<Producer>(number, fd, std::move(owned),
                                                  settings_.limits));
}

void StreamSupply::AcceptAll() {
  accept_again_ = 0;
  while (listener_->SomebodyWaits())
    if (!LetIn()) return;
}

// Somebody waits. False where that must go on.
bool StreamSupply::LetIn() {
  if (producers_.size() >= kMostProducers &&
      !MakeRoom("the most that are read at a time"))
    return false;
  int error = 0;
  Descriptor socket = listener_->Accept(&error);
  if (!socket && error != 0) {
    WarnOnce(&said_no_descriptor_,
             "a program that connects to " + settings_.location +
                 " cannot be let in: " + std::strerror(error) +
                 "; it is tried again as others leave; raise the limit "
                 "(ulimit -n) or close what is not needed");
    reserve_.Close();
    socket = listener_->Accept(&error);
    if (!socket && error != 0 && MakeRoom("and the system gives no more"))
      socket = listener_->Accept(&error);
    if (!socket && error != 0) {
      PauseAccepting(g_get_monotonic_time() + kRetry);
      return false;
    }
  }
  const int fd = socket.get();
  if (socket) Add(fd, std::move(socket));
  return true;
}

// Closes the connection that is needed least.
bool StreamSupply::MakeRoom(const std::string& why) {
  const gint64 now = g_get_monotonic_time();
  std::vector<ConnectionRecord> records;
  for (const auto& producer : producers_) records.push_back(producer->record);
  const std::optional<size_t> index = WhoMakesRoom(records, now);
  if (!index) {
    gint64 next = now + kRetry;
    bool all_send = producers_.size() >= kMostProducers;
    for (const ConnectionRecord& record : records) {
      next = std::min(next, MayGoFrom(record));
      all_send = all_send && record.sent_latent;
    }
    PauseAccepting(std::max(next, now + 10 * kMillisecond));
    if (all_send)
      WarnOnce(&said_all_busy_,
               "all " + std::to_string(kMostProducers) + " programs at " +
                   settings_.location +
                   " are sending, the most that are read at a time; another "
                   "one waits until one of them leaves or falls silent");
    return false;
  }
  const Producer& producer = *producers_[*index];
  WarnOnce(&said_evicted_,
           std::to_string(producers_.size()) + " programs are connected to " +
               settings_.location + ", " + why + ": " + producer.name() +
               (producer.record.finished ? ", whose run is over,"
                : producer.record.sent_latent
                    ? ", which sent no latent for " +
                          Seconds(now - producer.record.last_latent) + ","
                    : ", which never sent a latent,") +
               " is disconnected to let another one in; further ones are "
               "counted only (evicted in the property stats)");
  ++evicted_;
  Remove(*index);
  return true;
}

void StreamSupply::PauseAccepting(gint64 until) { accept_again_ = until; }

void StreamSupply::WaitForRoom() {
  WarnOnce(&said_full_,
           std::to_string(queue_.counts().waiting) + " latents (" +
               std::to_string(settings_.keep_bytes >> 20) +
               " MiB, max-backlog) wait for what is downstream; programs are "
               "not read from until there is room, so that none is lost");
}

// One piece, so that none of several producers waits for another. False when
// this one is done with.
bool StreamSupply::Read(Producer& producer) {
  const ssize_t size = read(producer.fd, chunk_.data(), chunk_.size());
  if (size > 0) {
    producer.record.last_bytes = g_get_monotonic_time();
    return Take(producer, chunk_.data(), size_t(size));
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  Close(producer);
  return false;
}

bool StreamSupply::Take(Producer& producer, const char* bytes, size_t size) {
  while (size > 0) {
    const tae::StatusOr<size_t> taken = producer.reader.Push(bytes, size);
    if (!taken.ok()) {
      // Nothing marks where the next message begins.
      Complain(producer, taken.status());
      return false;
    }
    bytes += *taken;
    size -= *taken;
    if (std::optional<tae::LatentMessage> message = producer.reader.Pull())
      Convert(producer, *std::move(message));
  }
  return true;
}

// A message that cannot be shown costs itself only: the next one may be right.
void StreamSupply::Convert(Producer& producer, tae::LatentMessage message) {
  const std::string prompt = message.header.description.prompt;
  const std::vector<std::string> notes = message.header.description.notes;
  const std::string gen = message.header.description.gen;
  producer.record.sent_latent = true;
  producer.record.last_latent = g_get_monotonic_time();
  tae::StatusOr<SuppliedLatent> latent =
      FromMessage(std::move(message), settings_.overrides);
  if (!latent.ok()) {
    Complain(producer,
             {latent.status().code(),
              (gen.empty() ? "" : "generation '" + gen.substr(0, 80) + "': ") +
                  latent.status().message()});
    return;
  }
  for (const std::string& note : notes) Say(producer, tae::Unsupported(note));
  producer.generation.Set(prompt, &latent->step);
  producer.record.finished = latent->step.final;
  latent->from = producer.name();
  ++producer.latents;
  queue_.Put(*std::move(latent));
}

// Gone: between two messages that is how a run ends, inside one it is not.
void StreamSupply::Close(Producer& producer) {
  const tae::Status status = producer.reader.Finish();
  if (!status.ok()) Complain(producer, status);
}

void StreamSupply::Complain(Producer& producer, const tae::Status& status) {
  ++failures_;
  Say(producer, status);
}

// The same is said once a connection.
void StreamSupply::Say(Producer& producer, const tae::Status& status) {
  const std::string why = Brief(status.message());
  if (producer.said.size() >= kMostSaid || !producer.said.insert(why).second ||
      !warnings_.Allow(g_get_monotonic_time()))
    return;
  std::string text = "A producer at " + settings_.location + ", " +
                     producer.name() + ", after " +
                     std::to_string(producer.latents) + " latents: " + why;
  if (const guint64 withheld = warnings_.TakeWithheld())
    text += " (" + std::to_string(withheld) +
            " warnings before this one are left out)";
  warn_({status.code(), text});
}

void StreamSupply::WarnOnce(bool* said, const std::string& text) {
  if (std::exchange(*said, true)) return;
  warn_(tae::Unreadable(text));
}

}  // namespace taegst
