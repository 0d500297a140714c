// Ranks that meet and work over TCP: threads here, each with a launch of its own.
#include "runtime/comm/connect.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/comm/rendezvous.h"
#include "runtime/comm/tcp/frame.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

int free_port() { return port_of(*listen_on_port(0)); }

Launch launch_of(int rank, int size, int port) {
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
std::vector<std::string> on_threads(const std::vector<Launch>& launches,
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

std::vector<Launch> launches_of(int size) {
  const int port = free_port();
  std::vector<Launch> launches;
  for (int rank = 0; rank < size; ++rank) launches.push_back(launch_of(rank, size, port));
  return launches;
}

std::vector<std::string> on_ranks(int size, double timeout_seconds,
                                  const std::function<void(Communicator&)>& body) {
  const auto connected = [&body](const Launch& launch, const ConnectOptions& options) {
    const Context context{Device{}};
    const Ranks ranks = connect_ranks(context, launch, options);
    body(*ranks);
  };
  return on_threads(launches_of(size), {Transport::automatic, timeout_seconds, {}}, connected);
}

std::vector<std::string> none(int size) {
  return std::vector<std::string>(static_cast<std::size_t>(size));
}

// Value i of a rank, small and exact in every type.
double value_of(int rank, std::int64_t i) {
  return static_cast<double>((i * 7 + rank * 3) % 11) - 5;
}

template <class T>
void check_reductions(int size, std::int64_t count) {
  std::vector<std::vector<T>> results(static_cast<std::size_t>(3 * size));
  const auto failures = on_ranks(size, 20, [&](Communicator& ranks) {
    const Context context{Device{}};
    for (const ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
      std::vector<T> values(static_cast<std::size_t>(count));
      for (std::int64_t i = 0; i < count; ++i) {
        const double value = value_of(ranks.rank(), i);
        if constexpr (std::is_same_v<T, bf16>) {
          values[static_cast<std::size_t>(i)] = bf16(static_cast<float>(value));
        } else {
          values[static_cast<std::size_t>(i)] = static_cast<T>(value);
        }
      }
      ranks.all_reduce(context, TensorView(values.data(), {count}), op);
      results[static_cast<std::size_t>(3 * ranks.rank() + static_cast<int>(op))] = values;
    }
    ranks.finish();
  });
  REQUIRE(failures == none(size));
  for (int rank = 0; rank < size; ++rank) {
    for (int op = 0; op < 3; ++op) {
      const std::vector<T>& found = results[static_cast<std::size_t>(3 * rank + op)];
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        double expected = value_of(0, i);
        for (int other = 1; other < size; ++other) {
          const double value = value_of(other, i);
          expected = op == 0   ? expected + value
                     : op == 1 ? std::min(expected, value)
                               : std::max(expected, value);
        }
        const auto value =
            static_cast<double>(static_cast<float>(found[static_cast<std::size_t>(i)]));
        wrong += value != expected;
      }
      CHECK(wrong == 0);
    }
  }
}

}  // namespace

TEST_CASE("TCP ranks reduce every type, few and many values") {
  for (const int size : {2, 3, 5}) {
    for (const std::int64_t count : {1, 2, 7, 2048, 2049, 100'003}) {
      CAPTURE(size, count);
      check_reductions<float>(size, count);
    }
    check_reductions<double>(size, 5000);
    check_reductions<bf16>(size, 9001);  // sums of at most 25: exact
    check_reductions<std::int32_t>(size, 5000);
    check_reductions<std::int64_t>(size, 5000);
  }
}

TEST_CASE("TCP ranks end with the same bytes, the same each time") {
  std::vector<std::vector<float>> results(8);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto failures = on_ranks(4, 20, [&](Communicator& ranks) {
      const Context context{Device{}};
      std::vector<float> values(10'007);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = std::sin(static_cast<float>(i) * 0.1f + static_cast<float>(ranks.rank()));
      }
      ranks.all_reduce(context, TensorView(values.data(), {10'007}), ReduceOp::sum);
      results[static_cast<std::size_t>(4 * repeat + ranks.rank())] = values;
      ranks.finish();
    });
    REQUIRE(failures == none(4));
  }
  for (const std::vector<float>& one : results) CHECK(one == results[0]);
}

TEST_CASE("TCP ranks broadcast, gather and wait for each other") {
  for (const int size : {1, 2, 3, 8}) {
    CAPTURE(size);
    std::vector<int> wrong(static_cast<std::size_t>(size));
    const auto failures = on_ranks(size, 20, [&](Communicator& ranks) {
      const Context context{Device{}};
      int& own = wrong[static_cast<std::size_t>(ranks.rank())];
      const std::int64_t count = 300'001;  // more than one block, not a multiple
      for (int root = 0; root < size; ++root) {
        std::vector<std::uint8_t> values(count, static_cast<std::uint8_t>(ranks.rank()));
        ranks.broadcast(context, TensorView(values.data(), {count}, DType::u8), root);
        for (const std::uint8_t value : values) own += value != root;
      }
      const std::vector<float> part(5, static_cast<float>(ranks.rank()));
      std::vector<float> all(static_cast<std::size_t>(5 * size));
      ranks.all_gather(context, ConstTensorView(part.data(), {5}),
                       TensorView(all.data(), {5 * size}));
      for (int i = 0; i < 5 * size; ++i) {
        own += all[static_cast<std::size_t>(i)] != static_cast<float>(i / 5);
      }
      ranks.barrier();
      ranks.finish();
    });
    CHECK(failures == none(size));
    CHECK(wrong == std::vector<int>(static_cast<std::size_t>(size)));
  }
}

TEST_CASE("64 TCP ranks start and end") {
  CHECK(on_ranks(64, 60, [](Communicator& ranks) {
          ranks.barrier();
          ranks.finish();
        }) == none(64));
}

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

TEST_CASE("frames that are no frames are seen") {
  CHECK(frame_length(frame_of("abc")) == 3);
  CHECK(frame_length("GET / HTTP/1.1") == -1);
  std::string huge = frame_of("");
  huge[11] = '\x7f';
  CHECK(frame_length(huge) == -1);
  CHECK(number_of("12") == 12);
  CHECK(number_of("-1") == -1);
  CHECK(number_of("12x") == -1);
  CHECK(lines_of(joined_lines({"a", "b\nc"})) == std::vector<std::string>{"a", "b c"});
}
