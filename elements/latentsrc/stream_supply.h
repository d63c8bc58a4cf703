// Latents from running programs: they connect to a socket, or write to our
// standard input. A thread drains them all the time.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "latentsrc/latent_queue.h"
#include "latentsrc/latent_supply.h"
#include "latentsrc/listener.h"
#include "latentsrc/producer.h"
#include "latentsrc/warning_limit.h"

namespace taegst {

struct StreamSettings {
  std::string location;  // as IsStreamLocation
  LatentOverrides overrides;
  bool allow_remote = false;
  tae::LatentLimits limits;  // of one latent
  // 0: the newest latent counts. Else every one does, and programs are no
  // longer read from while latents of so many bytes wait.
  guint64 keep_bytes = 0;
};

class StreamSupply final : public LatentSupply {
 public:
  // Listens from here on. Errors: as Listener::Open. `warn` is called by the
  // draining thread.
  static tae::StatusOr<std::unique_ptr<StreamSupply>> Open(
      const StreamSettings& settings, Warn warn);
  ~StreamSupply() override;

  tae::StatusOr<Supplied> Next(SuppliedLatent* latent) override;
  void Unlock() override { queue_.SetFlushing(true); }
  void UnlockStop() override { queue_.SetFlushing(false); }
  bool Finish() override;
  guint64 dropped() const override { return queue_.counts().dropped; }
  void AddStats(GstStructure* stats) const override;

 private:
  StreamSupply(const StreamSettings& settings, Warn warn);
  void Run();
  void Drain();
  bool Wait(std::vector<bool>* ready);
  int WaitTime() const;
  void ReadRest();
  void ReadAll(const std::vector<bool>& ready);
  void AcceptAll();
  bool LetIn();
  bool MakeRoom(const std::string& why);
  void Add(int fd, Descriptor owned);
  void Remove(size_t index);
  void WaitForRoom();
  void PauseAccepting(gint64 until);
  bool Read(Producer& producer);
  bool Take(Producer& producer, const char* bytes, size_t size);
  void Convert(Producer& producer, tae::LatentMessage message);
  void Close(Producer& producer);
  void Complain(Producer& producer, const tae::Status& status);
  void Say(Producer& producer, const tae::Status& status);
  void WarnOnce(bool* said, const std::string& text);

  const StreamSettings settings_;
  const Warn warn_;
  Descriptor wake_;  // readable: there is room in the queue again
  LatentQueue queue_;
  std::unique_ptr<Listener> listener_;  // null: standard input
  Descriptor stop_;                     // readable: the thread is to end
  std::atomic<bool> finishing_{false};  // but not before it read what is there
  std::atomic<guint64> connections_{0};
  std::atomic<guint64> failures_{0};
  std::atomic<guint64> evicted_{0};
  std::atomic<guint64> connected_{0};  // producers at present

  // The thread's own.
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<char> chunk_;
  Descriptor reserve_;       // given up to let one more in
  gint64 accept_again_ = 0;  // not before; 0 = at once
  WarningLimit warnings_;
  bool said_evicted_ = false;
  bool said_all_busy_ = false;
  bool said_no_descriptor_ = false;
  bool said_full_ = false;

  std::thread thread_;
};

}  // namespace taegst
