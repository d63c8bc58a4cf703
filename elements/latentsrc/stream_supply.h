// Latents from running programs: they connect to a socket, or write to our
// standard input. A thread drains them all the time.
#pragma once

#include <gio/gio.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "latentsrc/latent_supply.h"
#include "latentsrc/listener.h"
#include "latentsrc/newest_slot.h"

namespace taegst {

struct StreamSettings {
  std::string location;  // as IsStreamLocation
  std::string variant;   // "" = what the messages say
  bool allow_remote = false;
  guint64 max_bytes = 0;  // of one latent
};

class StreamSupply final : public LatentSupply {
 public:
  // Listens from here on. Errors: as Listener::Open. `warn` is called by the
  // draining thread.
  static tae::StatusOr<std::unique_ptr<StreamSupply>> Open(
      const StreamSettings& settings, Warn warn);
  ~StreamSupply() override;

  tae::StatusOr<Supplied> Next(SuppliedLatent* latent) override;
  void Unlock() override { slot_.SetFlushing(true); }
  void UnlockStop() override { slot_.SetFlushing(false); }
  void AddStats(GstStructure* stats) const override;

 private:
  struct Producer;

  StreamSupply(const StreamSettings& settings, Warn warn);
  void Run();
  void Drain();
  void AcceptAll();
  bool Read(Producer& producer);
  bool Take(Producer& producer, const char* bytes, size_t size);
  void Close(const Producer& producer);
  void Complain(const Producer& producer, const tae::Status& status);

  const StreamSettings settings_;
  const Warn warn_;
  NewestSlot slot_;
  std::unique_ptr<Listener> listener_;  // null: standard input
  ObjectPtr<GCancellable> cancel_;
  std::vector<std::unique_ptr<Producer>> producers_;  // the thread's own
  std::vector<char> chunk_;                           // the thread's own
  std::atomic<guint64> connections_{0};
  std::atomic<guint64> failures_{0};
  std::thread thread_;
};

}  // namespace taegst
