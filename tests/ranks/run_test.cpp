// Whole runs of several ranks: one voice, one stop, one state.
#include "models/run/run.h"

#include <nlohmann/json.hpp>

#include "models/data/packed/packed_file.h"
#include "models/run/rank_check.h"
#include "models/run/rank_rates.h"
#include "tests/models/run/support.h"
#include "tests/ranks/ranks.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
namespace fs = std::filesystem;

namespace {

RunOptions options_in(const fs::path& folder) {
  RunOptions options = test::options_in(folder);
  options.strokes_count = 48;
  options.steps = 4;
  options.log_every = 2;
  return options;
}

struct RankRun {
  TrainingOutcome outcome;
  std::vector<std::byte> generator;
  std::vector<std::string> heard;
  std::string failure;
};

using Change = std::function<void(int rank, RunOptions&)>;
using During = std::function<void(int rank, std::atomic<bool>& stop, const StepReport&)>;

struct Listener : test::Recorder {
  void on_step(const StepReport& report) override {
    test::Recorder::on_step(report);
    if (during) during(report);
  }
  std::function<void(const StepReport&)> during;
};

// A run of every rank; `change`: a rank's own options; `checkpoint`: resumed from.
std::vector<RankRun> run_all(int size, const RunOptions& options, const fs::path& checkpoint = {},
                             const Change& change = {}, const During& during = {}) {
  std::vector<RankRun> results(static_cast<std::size_t>(size));
  test::run_ranks(size, [&](Communicator& ranks) {
    RankRun& own = results[static_cast<std::size_t>(ranks.rank())];
    RunOptions mine = options;
    if (change) change(ranks.rank(), mine);
    const Context context{Device{}};
    const Dataset dataset = load_dataset(run_config(mine).dataset);
    std::atomic<bool> stop{false};
    Listener listener;
    if (during) {
      listener.during = [&](const StepReport& report) { during(ranks.rank(), stop, report); };
    }
    try {
      TrainingRun run(context, ranks, mine, run_config(mine), dataset);
      if (!checkpoint.empty()) run.resume(checkpoint);
      own.outcome = run.run(listener, stop);
      own.generator = test::state_of(context, run.engine().generator());
    } catch (const Error& error) {
      ranks.abort(error.what());
      own.failure = error.what();
    }
    own.heard = listener.lines;
  });
  return results;
}

std::vector<nlohmann::json> metrics_of(const fs::path& folder) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(test::contents(folder / "metrics.jsonl"));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("rank 0 alone writes, and its metrics name every rank's rate") {
  const test::TemporaryFolder folder;
  RunOptions common = options_in(folder.path() / "0");
  common.sync_batch_norm = true;  // so that running statistics are equal, too
  const std::vector<RankRun> ranks = run_all(3, common, {}, [&](int rank, RunOptions& options) {
    options.out = (folder.path() / std::to_string(rank)).string();
  });
  CHECK(ranks[0].generator == ranks[2].generator);
  CHECK(fs::exists(folder.path() / "0" / "checkpoints" / "step_00000004"));
  CHECK_FALSE(fs::exists(folder.path() / "1"));
  CHECK_FALSE(fs::exists(folder.path() / "2"));
  CHECK(ranks[1].outcome.checkpoint.empty());
  const std::vector<nlohmann::json> lines = metrics_of(folder.path() / "0");
  REQUIRE(lines.size() == 3);  // steps 1, 2 and 4
  CHECK(lines[2].at("rank_images_per_second").size() == 3);
  CHECK(lines[2].at("slowest_rank").get<int>() >= 0);
  CHECK(test::contents(folder.path() / "0" / "losses.csv").find("rank") == std::string::npos);
}

TEST_CASE("ranks resumed equal ranks straight through, bit for bit") {
  const test::TemporaryFolder folder;
  RunOptions straight = options_in(folder.path() / "straight");
  straight.sync_batch_norm = true;
  straight.checkpoint_every = 2;
  straight.ema_decay = 0.9;
  straight.flip = true;
  RunOptions first = straight, second = straight;
  first.out = second.out = (folder.path() / "parts").string();
  first.steps = 3;  // in the middle of an epoch of 4
  const std::vector<RankRun> expected = run_all(3, straight);
  const fs::path checkpoint = run_all(3, first)[0].outcome.checkpoint;
  const std::vector<RankRun> found = run_all(3, second, checkpoint);
  for (std::size_t rank = 0; rank < 3; ++rank) {
    CHECK(found[rank].outcome.step == 4);
    CHECK(found[rank].generator == expected[rank].generator);
  }
}

TEST_CASE("with batch norm by rank, rank 0 of a resumed run equals that of a straight one") {
  const test::TemporaryFolder folder;
  const RunOptions straight = options_in(folder.path() / "straight");
  RunOptions parts = options_in(folder.path() / "parts");
  parts.steps = 2;
  const std::vector<RankRun> expected = run_all(2, straight);
  const fs::path checkpoint = run_all(2, parts)[0].outcome.checkpoint;
  parts.steps = 4;
  CHECK(run_all(2, parts, checkpoint)[0].generator == expected[0].generator);
}

TEST_CASE("a signal or a time limit on one rank stops all at one step, which is saved") {
  for (const StopReason reason : {StopReason::signal, StopReason::time}) {
    const test::TemporaryFolder folder;
    RunOptions options = options_in(folder.path());
    options.steps = 1000;
    const std::vector<RankRun> ranks = run_all(
        3, options, {},
        [&](int, RunOptions& own) { own.max_seconds = reason == StopReason::time ? 0.05 : 0.0; },
        [&](int rank, std::atomic<bool>& stop, const StepReport& report) {
          if (reason == StopReason::signal && rank == 2 && report.step == 3) stop = true;
        });
    for (const RankRun& rank : ranks) {
      CHECK(rank.outcome.reason == reason);
      CHECK(rank.outcome.step == ranks[0].outcome.step);
    }
    CHECK(ranks[0].outcome.step < 1000);
    if (reason == StopReason::signal) CHECK(ranks[0].outcome.step <= 6);
    CHECK(fs::exists(ranks[0].outcome.checkpoint));
  }
}

TEST_CASE("ranks that differ in an option, the data or the weights end before the first step") {
  const test::TemporaryFolder folder;
  const RunOptions options = options_in(folder.path());
  const auto failures = [&](const Change& change) {
    const std::vector<RankRun> ranks = run_all(3, options, {}, change);
    for (const RankRun& rank : ranks) CHECK(rank.heard.empty());
    CHECK(ranks[0].failure == ranks[1].failure);
    return ranks[0].failure;
  };
  CHECK(failures([](int rank, RunOptions& own) {
          if (rank == 2) own.lr = 3e-4;
        }) == "ranks: --lr is 0.0002 on rank 0 and 0.0003 on rank 2");
  CHECK(failures([](int rank, RunOptions& own) {
          if (rank == 1) own.log_every = 7;
        }) == "ranks: --log-every is 2 on rank 0 and 7 on rank 1");
  CHECK(failures([](int rank, RunOptions& own) {
          own.workers = 1 + rank;  // may differ
          if (rank == 1) own.strokes_count = 49;
        }).find("--strokes-count is 48 on rank 0 and 49 on rank 1") != std::string::npos);
}

TEST_CASE("ranks that read other images under the same options are told") {
  const RunOptions options = test::tiny_options();
  std::vector<std::string> texts(2);
  test::run_ranks(2, [&](Communicator& ranks) {
    const Context context{Device{}};
    Dataset dataset = load_dataset(run_config(options).dataset);
    if (ranks.rank() == 1) {
      std::vector<std::uint8_t> other(dataset.pixels.begin(), dataset.pixels.end());
      other[1234] ^= 1;
      dataset.pixels = std::move(other);
    }
    try {
      require_same_facts(context, ranks, rank_facts(options, dataset, 0, "w"));
    } catch (const Error& error) {
      texts[static_cast<std::size_t>(ranks.rank())] = error.what();
    }
  });
  CHECK(texts[0].find("contents of the data set is ") != std::string::npos);
  CHECK(texts[0] == texts[1]);
}

TEST_CASE("ranks compare packed files by their stored checksums") {
  const test::TemporaryFolder folder;
  RunOptions options = test::tiny_options();
  const Dataset drawn = load_dataset(run_config(options).dataset);
  write_packed(folder / "a.packed", drawn, R"({"dataset":"a"})");
  write_packed(folder / "again.packed", drawn, R"({"dataset":"again"})");
  Dataset other = drawn;
  std::vector<std::uint8_t> pixels(drawn.pixels.begin(), drawn.pixels.end());
  pixels[1234] ^= 1;
  other.pixels = std::move(pixels);
  write_packed(folder / "other.packed", other, R"({"dataset":"a"})");
  options.dataset = DatasetKind::packed;
  const auto facts_of = [&](const char* file) {
    options.data = (folder / file).string();
    return rank_facts(options, load_dataset(run_config(options).dataset), 0, "w");
  };
  CHECK(facts_of("again.packed") == facts_of("a.packed"));
  CHECK(facts_of("other.packed") != facts_of("a.packed"));
}

TEST_CASE("the rank that the others wait for is named a straggler, a usual spread is not") {
  CHECK(slowest_rank({}) == -1);
  CHECK(slowest_rank({100, 90, 95}) == 1);
  CHECK(straggler({100, 90, 95}) == -1);
  CHECK(straggler({100, 10, 95}) == 1);
  CHECK(straggler({100, 10}) == 1);
}
