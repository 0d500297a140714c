#include "kernels/vendor/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/vendor/plan_cache.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

/// What is said about a choice: how it was made, then what was passed over.
class Notes {
 public:
  void pass_over(const std::string& name, const std::string& why) {
    notes_.push_back(fmt::format("{} passed over: {}", name, why));
  }
  std::string after(std::string how) const {
    const std::size_t shown = std::min(notes_.size(), kMostShown);
    for (std::size_t i = 0; i < shown; ++i) how += (how.empty() ? "" : "; ") + notes_[i];
    if (notes_.size() > shown) how += fmt::format("; {} more", notes_.size() - shown);
    return how;
  }

 private:
  static constexpr std::size_t kMostShown = 3;
  std::vector<std::string> notes_;
};

/// Calls body(); an Error of the candidate becomes a note and false.
template <class Body>
bool attempt(const std::string& name, Notes& notes, const Body& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    notes.pass_over(name, error.what());
    return false;
  }
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

/// Runs a candidate once; true when its result can be used.
bool runs(const TuningCandidate& candidate, CandidateTimer& timer, Notes& notes) {
  return attempt(candidate.name, notes, [&] {
    if (!all_finite(timer.result_of(candidate))) {
      fail(ErrorKind::internal, "its result is not finite");
    }
  });
}

std::optional<TuningCandidate> cached(const TuningProblem& problem, const std::string& folder,
                                      CandidateTimer* timer, Notes& notes) {
  const std::optional<std::string> text = load_cached(folder, problem.key);
  if (!text) return std::nullopt;
  std::optional<TuningCandidate> candidate;
  const bool restored = attempt("cached choice", notes, [&] {
    candidate = problem.restore(*text);
    if (!candidate) fail(ErrorKind::bad_data, "not understood");
  });
  if (!restored || (timer != nullptr && !runs(*candidate, *timer, notes))) return std::nullopt;
  return candidate;
}

TuningOutcome first_that_works(const TuningProblem& problem, CandidateTimer* timer) {
  Notes notes;
  while (std::optional<TuningCandidate> candidate = problem.next()) {
    if (timer == nullptr) return {std::move(candidate), "first choice, untried"};
    if (runs(*candidate, *timer, notes)) return {std::move(candidate), notes.after("first choice")};
  }
  return {std::nullopt, notes.after("")};
}

/// All of them, each key once.
std::vector<TuningCandidate> build_all(const TuningProblem& problem) {
  std::vector<TuningCandidate> candidates;
  while (std::optional<TuningCandidate> next = problem.next()) {
    const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const auto& other) {
      return !next->key.empty() && other.key == next->key;
    });
    if (!known) candidates.push_back(std::move(*next));
  }
  return candidates;
}

/// Removes those that fail and those that do not agree with the first that runs.
void keep_right(const TuningProblem& problem, CandidateTimer& timer,
                std::vector<TuningCandidate>& candidates, Notes& notes) {
  std::vector<float> expected;
  std::erase_if(candidates, [&](const TuningCandidate& candidate) {
    return !attempt(candidate.name, notes, [&] {
      const std::vector<float> result = timer.result_of(candidate);
      if (!all_finite(result)) fail(ErrorKind::internal, "its result is not finite");
      if (expected.empty()) {
        expected = result;
        return;
      }
      const double difference = relative_difference(expected, result);
      if (!(difference <= problem.tolerance)) {
        fail(ErrorKind::internal, "its result differs by {:.2g} from the first's, bound {:.2g}",
             difference, problem.tolerance);
      }
    });
  });
}

struct Fastest {
  const TuningCandidate* candidate = nullptr;
  double elapsed_ms = std::numeric_limits<double>::infinity();
};

Fastest time_all(CandidateTimer& timer, const std::vector<TuningCandidate>& candidates,
                 Notes& notes) {
  Fastest best;
  for (const TuningCandidate& candidate : candidates) {
    attempt(candidate.name, notes, [&] {
      const double elapsed_ms = timer.median_ms(candidate);
      if (elapsed_ms < best.elapsed_ms) best = {&candidate, elapsed_ms};
    });
  }
  return best;
}

}  // namespace

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double delta = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    difference += delta * delta;
    norm += static_cast<double>(a[i]) * static_cast<double>(a[i]);
  }
  return std::sqrt(norm > 0 ? difference / norm : difference);
}

TuningOutcome choose_candidate(const TuningProblem& problem, CandidateTimer* timer, TuningMode mode,
                               const std::string& cache_folder) {
  if (mode == TuningMode::first_that_works) return first_that_works(problem, timer);
  Notes notes;
  if (auto known = cached(problem, cache_folder, timer, notes)) return {std::move(known), "cached"};
  std::vector<TuningCandidate> candidates = build_all(problem);
  if (candidates.empty()) return {std::nullopt, notes.after("")};
  if (timer == nullptr) {
    return {std::move(candidates.front()), notes.after("first choice, untried")};
  }
  const std::size_t built = candidates.size();
  keep_right(problem, *timer, candidates, notes);
  if (candidates.empty()) return {std::nullopt, notes.after("")};
  Fastest best;
  std::string how = built == 1 ? "the only candidate" : fmt::format("the only one of {}", built);
  if (candidates.size() == 1) {
    best.candidate = &candidates.front();
  } else {
    best = time_all(*timer, candidates, notes);
    if (best.candidate == nullptr) return {std::nullopt, notes.after("")};
    how = fmt::format("{:.3f} ms, best of {}", best.elapsed_ms, built);
  }
  // A choice that cannot be kept is made again next time.
  if (!best.candidate->key.empty()) {
    (void)store_cached(cache_folder, problem.key, best.candidate->key);
  }
  return {*best.candidate, notes.after(how)};
}

}  // namespace dcgan
