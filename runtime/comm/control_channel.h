// The connections of a meeting, kept while the ranks work: who is there, how far it is, and why it
// left.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/comm/collective_log.h"
#include "runtime/comm/peer_channel.h"
#include "runtime/comm/shard.h"
#include "runtime/comm/tcp/socket.h"

namespace dcgan {

/// One thread a process. Every second a rank tells rank 0 the number of its last collective, and
/// rank 0 tells all what it knows of all. A connection that ends without a goodbye, or a rank that
/// aborts, is told to everybody: `on_lost` is then called, from the thread, once, with a sentence
/// that names the rank.
class ControlChannel final : public PeerChannel {
 public:
  using OnLost = std::function<void(const std::string&)>;

  /// `sockets`: as of Meeting. The log must outlive the channel.
  ControlChannel(std::vector<Socket> sockets, const Shard& shard, const CollectiveLog& log,
                 double timeout_seconds, OnLost on_lost);
  ~ControlChannel() override;

  void start() override;
  void stop() noexcept override;
  void tell(std::string_view reason) noexcept override;
  std::string late() const override;
  void goodbye() override;

 private:
  using Clock = std::chrono::steady_clock;
  /// The other end of one socket.
  struct Line {
    Socket socket;
    int rank = 0;
    std::string received;
    bool left = false;  // said goodbye, or is lost
  };
  /// What is known of a rank.
  struct State {
    std::int64_t sequence = 0;
    Clock::time_point heard;
  };

  void run();
  void wait();
  void read(Line& line);
  void take(Line& line, const std::string& text);
  void lose(Line& line, const std::string& why);
  void report_lost(const std::string& why);
  void send_to_all(const std::string& text);
  static void send_to(const Line& line, const std::string& text);
  void beat();
  void wake() noexcept;
  std::string states_text() const;
  void read_states(const std::vector<std::string>& lines);

  std::vector<Line> lines_;
  Shard shard_;
  const CollectiveLog& log_;
  double timeout_seconds_;
  OnLost on_lost_;
  int wake_ = -1;  // an eventfd

  mutable std::mutex mutex_;
  std::vector<State> states_;  // by rank
  std::string reason_;         // to be told; empty: none
  bool reported_ = false;
  std::atomic<bool> goodbye_{false};
  std::atomic<bool> all_left_{false};
  std::atomic<bool> stop_{false};
  bool said_goodbye_ = false;  // of the thread
  std::thread thread_;         // last: the others are there when it starts
};

}  // namespace dcgan
