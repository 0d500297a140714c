// Ranks that meet and work over TCP: threads of a test, each with a launch of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/comm/connect.h"
#include "runtime/comm/rendezvous/rendezvous.h"
#include "tests/support/catch.h"

namespace dcgan::test {

inline int free_port() { return port_of(*listen_on_port(0)); }

inline Launch launch_of(int rank, int size, int port) {
  Launch launch;
  launch.source = "the test";
  launch.shard = {rank, size};
  launch.address = "127.0.0.1";
  launch.port = port;
  launch.run_id = "test";
  return launch;
}

using Ranks = std::unique_ptr<Communicator>;
using Body = std::function<void(const Launch&, const ConnectOptions&)>;

// What body throws on each thread, one a launch.
inline std::vector<std::string> on_threads(const std::vector<Launch>& launches,
                                           const ConnectOptions& options, const Body& body) {
  std::vector<std::string> failures(launches.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < launches.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        body(launches[i], options);
      } catch (const Error& error) {
        failures[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failures;
}

inline std::vector<Launch> launches_of(int size) {
  const int port = free_port();
  std::vector<Launch> launches;
  for (int rank = 0; rank < size; ++rank) launches.push_back(launch_of(rank, size, port));
  return launches;
}

inline std::vector<std::string> on_ranks(int size, double timeout_seconds,
                                         const std::function<void(Communicator&)>& body) {
  const auto connected = [&body](const Launch& launch, const ConnectOptions& options) {
    const Context context{Device{}};
    const Ranks ranks = connect_ranks(context, launch, options);
    body(*ranks);
  };
  return on_threads(launches_of(size), {Transport::automatic, timeout_seconds, {}}, connected);
}

inline std::vector<std::string> none(int size) {
  return std::vector<std::string>(static_cast<std::size_t>(size));
}

}  // namespace dcgan::test
