// The choice among several ways to compute one problem, by measurement. The tuner knows nothing of
// the problem: candidates are calls, and a timer runs them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dcgan {

/// One way to compute a problem.
struct TuningCandidate {
  std::string name;  ///< for people: "small-channel", "cuDNN plan 3"
  std::string key;   ///< what the cache keeps of it. Equal keys are the same candidate; empty: it
                     ///< cannot be put into words, is never a duplicate and never kept.
  std::size_t workspace_bytes = 0;
  /// Enqueues one call on the buffers of a set. Throws Error when the candidate refuses.
  std::function<void(int buffer_set)> enqueue;
};

/// Runs candidates. Both calls throw Error when the candidate fails.
class CandidateTimer {
 public:
  virtual ~CandidateTimer() = default;
  /// Runs the candidate once on set 0 and returns its result, or a sample of it: the same elements
  /// for every candidate.
  virtual std::vector<float> result_of(const TuningCandidate& candidate) = 0;
  /// The median time of one call, after result_of().
  virtual double median_ms(const TuningCandidate& candidate) = 0;
};

struct TuningProblem {
  std::string key;  ///< of the cache: device, libraries, problem, version of the choice
  /// Builds the next candidate, first choice first; nothing: there are no more.
  std::function<std::optional<TuningCandidate>()> next;
  /// The candidate of a key that was kept; nothing, or an Error: the text is not understood.
  std::function<std::optional<TuningCandidate>(const std::string& text)> restore;
  /// Bound on the relative L2 difference between a result and the first candidate's.
  double tolerance = 0;
};

enum class TuningMode {
  first_that_works,  ///< nothing is timed or kept; later candidates are not even built
  fastest,           ///< of all; kept in the cache
};

struct TuningOutcome {
  std::optional<TuningCandidate> candidate;  ///< empty: none works, or there was none
  std::string how;  ///< "0.121 ms, best of 6; cuDNN plan 2 passed over: ..."
};

/// Every candidate runs once before it is chosen, and its result must be finite and agree with the
/// first that ran; a candidate that fails is passed over with a note in `how`. Nothing is timed
/// where one candidate is left. A cached winner that is damaged or fails is chosen anew. `timer`
/// null (nothing has to be tried, or no memory to run anything on): the first, untried.
/// `cache_folder`: see plan_cache.h.
TuningOutcome choose_candidate(const TuningProblem& problem, CandidateTimer* timer, TuningMode mode,
                               const std::string& cache_folder);

/// |a - b| / |a| in the L2 norm; |b| when a is zero; infinite for different lengths.
double relative_difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace dcgan
