// How ranks meet, and what they say of those that are lost.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <mutex>

#include "tests/runtime/comm/connected.h"

using namespace dcgan;
using namespace dcgan::test;

TEST_CASE("strangers at the rendezvous are dropped, and do not keep the ranks apart") {
  std::vector<Launch> launches = launches_of(3);
  const int port = launches[0].port;
  std::atomic<bool> done{false};
  std::vector<std::thread> strangers;
  for (const std::string_view text : {std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                                      std::string_view("\0\1\2\3 random bytes \377\376", 20),
                                      std::string_view("")}) {  // connects and says nothing
    strangers.emplace_back([&, text] {
      std::vector<Socket> kept;
      while (!done) {
        std::string why;
        auto socket = connect_to("127.0.0.1", port, deadline_in(1), why);
        if (socket) {
          send(socket->descriptor(), text.data(), text.size(), MSG_NOSIGNAL);
          kept.push_back(std::move(*socket));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
  }
  std::mutex mutex;
  std::vector<std::string> notes;
  ConnectOptions options{Transport::automatic, 20, [&](const std::string& note) {
                           const std::lock_guard lock(mutex);
                           notes.push_back(note);
                         }};
  const auto failures =
      on_threads(launches, options, [](const Launch& launch, const ConnectOptions& own) {
        // The strangers come first.
        std::this_thread::sleep_for(std::chrono::milliseconds(launch.shard.rank == 0 ? 0 : 300));
        const Context context{Device{}};
        const Ranks ranks = connect_ranks(context, launch, own);
        ranks->barrier();
        ranks->finish();
      });
  done = true;
  for (std::thread& stranger : strangers) stranger.join();
  CHECK(failures == none(3));
  CHECK_FALSE(notes.empty());
}

TEST_CASE("ranks that contradict each other are refused, on every rank") {
  const auto failures_of = [](const std::vector<Launch>& launches) {
    return on_threads(launches, {Transport::automatic, 10, {}},
                      [](const Launch& launch, const ConnectOptions& options) {
                        // Rank 0 last, so that it sees all.
                        const Context context{Device{}};
                        connect_ranks(context, launch, options);
                      });
  };
  const int port = free_port();
  for (const std::string& text :
       failures_of({launch_of(0, 3, port), launch_of(1, 3, port), launch_of(1, 3, port)})) {
    CHECK(text.find("are rank 1") != std::string::npos);
  }
  const int other = free_port();
  for (const std::string& text : failures_of({launch_of(0, 2, other), launch_of(1, 3, other)})) {
    CHECK(text.find("is one of 3, rank 0 one of 2") != std::string::npos);
  }
}

TEST_CASE("a rank that never comes is named; one that finds no rank 0 says where it looked") {
  std::vector<Launch> launches = launches_of(4);
  launches.erase(launches.begin() + 2);
  const auto failures = on_threads(launches, {Transport::automatic, 0.7, {}},
                                   [](const Launch& launch, const ConnectOptions& options) {
                                     const Context context{Device{}};
                                     connect_ranks(context, launch, options);
                                   });
  for (const std::string& text : failures) {
    CHECK(text.find("1 of 4 did not come within 0.7 s: 2") != std::string::npos);
  }
  const auto alone = on_threads({launch_of(1, 2, free_port())}, {Transport::automatic, 0.3, {}},
                                [](const Launch& launch, const ConnectOptions& options) {
                                  const Context context{Device{}};
                                  connect_ranks(context, launch, options);
                                });
  CHECK(alone[0].find("rank 0 is not at 127.0.0.1:") != std::string::npos);
}

TEST_CASE("a port that is taken is named; a launcher's own port is left to it") {
  const std::optional<Socket> taken = listen_on_port(0);
  const int port = port_of(*taken);
  const auto connect = [](const Launch& launch, const ConnectOptions& options) {
    const Context context{Device{}};
    const Ranks ranks = connect_ranks(context, launch, options);
    ranks->barrier();
    ranks->finish();
  };
  const auto refused = on_threads({launch_of(0, 2, port)}, {Transport::automatic, 5, {}}, connect);
  CHECK(refused[0].find("port " + std::to_string(port) + " is taken") != std::string::npos);
  std::vector<Launch> agents{launch_of(0, 2, port), launch_of(1, 2, port)};
  for (Launch& launch : agents) launch.port_is_taken = true;
  CHECK(on_threads(agents, {Transport::automatic, 10, {}}, connect) == none(2));
}

TEST_CASE("a rank that fails is named to all with its reason, at once") {
  const auto failures = on_ranks(4, 60, [](Communicator& ranks) {
    const Context context{Device{}};
    ranks.barrier();
    if (ranks.rank() == 2) return ranks.abort("rank 2 has ended: the disk is full");
    float value = 1;
    ranks.all_reduce(context, TensorView(&value, {1}), ReduceOp::sum);
  });
  CHECK(failures[2].empty());
  for (const std::size_t rank : {0u, 1u, 3u}) {
    CAPTURE(failures[rank]);
    CHECK(failures[rank].find("rank 2 has ended: the disk is full") != std::string::npos);
    CHECK(failures[rank].find("last collectives: #") != std::string::npos);
  }
}

TEST_CASE("a rank that is late is named with the number of its last collective") {
  const auto failures = on_ranks(3, 2.5, [](Communicator& ranks) {
    ranks.barrier();
    if (ranks.rank() == 1) return std::this_thread::sleep_for(std::chrono::seconds(5));
    ranks.barrier();
  });
  const bool named = failures[0].find("rank 1 is at #1") != std::string::npos ||
                     failures[2].find("rank 1 is at #1") != std::string::npos;
  CAPTURE(failures[0], failures[2]);
  CHECK(named);
}

TEST_CASE("a rank that waits for rank 0 says where, before its time is over") {
  Launch launch = launch_of(1, 2, free_port());
  launch.address = "no-such-host.invalid";
  std::mutex mutex;
  std::string noted;
  const auto failures = on_threads({launch},
                                   {Transport::automatic, 6,
                                    [&](const std::string& note) {
                                      const std::lock_guard lock(mutex);
                                      noted += note;
                                    }},
                                   [](const Launch& own, const ConnectOptions& options) {
                                     const Context context{Device{}};
                                     connect_ranks(context, own, options);
                                   });
  CHECK(noted.find("rank 1 waits for rank 0 at no-such-host.invalid:") != std::string::npos);
  CHECK(failures[0].find("rank 0 is not at no-such-host.invalid:") != std::string::npos);
}
