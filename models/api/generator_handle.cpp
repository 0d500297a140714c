#include "models/api/generator_handle.h"

#include <unistd.h>

#include <algorithm>

#include "models/api/caller_images.h"
#include "models/api/sized_struct.h"
#include "runtime/base/parallel.h"

using namespace dcgan;
using dcgan::api::misuse;
using dcgan::api::Refusal;

namespace {

constexpr std::uint64_t kLatentVectors = std::uint64_t{1}
                                         << 32;  // of a seed (kernels/input/latent.h)

void require_vectors(std::uint64_t first, std::int64_t count) {
  if (first > kLatentVectors || static_cast<std::uint64_t>(count) > kLatentVectors - first) {
    misuse("latent vectors {} .. {} + {}: a seed has {}", first, first, count, kLatentVectors);
  }
}

/// The calling thread's number of OpenMP threads, until the end of the scope.
class ThreadCount {
 public:
  explicit ThreadCount(int wanted) : before_(thread_count()), changed_(wanted > 0) {
    if (changed_) set_thread_count(wanted);
  }
  ~ThreadCount() {
    if (changed_) set_thread_count(before_);
  }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
  bool changed_;
};

}  // namespace

dcgan_generator::Call::Call(dcgan_generator* generator) : busy_(generator->busy_) {
  generator->require_own_process();
  if (busy_.exchange(true, std::memory_order_acquire)) {
    throw Refusal(DCGAN_ERROR_BUSY,
                  "the generator is in a call of another thread; open one for each thread");
  }
}

void dcgan_generator::require_own_process() const {
  if (::getpid() == process_) return;
  throw Refusal(DCGAN_ERROR_FORKED,
                fmt::format("the generator was opened by process {}, this is {}: a process made by "
                            "fork() opens its own",
                            process_, ::getpid()));
}

/// A call's way to its stream: the generator's GPU is current, work of an earlier call on another
/// stream comes first, and on the generator's own stream the call waits for the end.
class dcgan_generator::Enqueuing {
 public:
  Enqueuing(dcgan_generator& generator, void* stream)
      : generator_(generator),
        threads_(generator.threads_),
        device_(generator.own_.device()),
        context_(generator.context_of(stream)),
        captured_(context_.is_capturing()) {
    if (captured_ || !context_.is_cuda()) return;
    if (generator.done_on_ != nullptr && generator.done_on_ != context_.stream()) {
      generator.done_.wait_on(context_);
    }
  }
  /// Also when an exception passes: what was enqueued until then is work, too.
  ~Enqueuing() {
    if (captured_ || !context_.is_cuda()) return;
    try {
      generator_.done_.record(context_);
      generator_.done_on_ = context_.stream();
    } catch (const Error&) {  // the device has failed; every next call says so
    }
  }
  Enqueuing(const Enqueuing&) = delete;
  Enqueuing& operator=(const Enqueuing&) = delete;

  const Context& context() const { return context_; }
  void refuse_host_memory(dcgan_memory memory, const char* what) const {
    if (captured_ && memory == DCGAN_MEMORY_HOST) {
      misuse("the stream is being captured, and {} in host memory would be waited for", what);
    }
  }
  /// The caller may use host memory, and everything that was on the generator's own stream.
  void finish(bool has_host_memory) const {
    if (has_host_memory || &context_ == &generator_.own_) context_.synchronize();
  }

 private:
  dcgan_generator& generator_;
  ThreadCount threads_;
  DeviceScope device_;
  const Context& context_;
  bool captured_;
};

dcgan_generator::dcgan_generator(const dcgan::api::GeneratorRequest& request)
    : process_(::getpid()),
      threads_(request.options.threads),
      own_(request.context(request.device())),
      saved_(request.find()),
      options_(request.planned(own_, saved_)),
      info_(dcgan::api::describe(own_, saved_, options_)),
      generator_(load_generator(own_, saved_, options_)),
      latents_(own_, dcgan::api::latents_plan(options_.batch, info_.latent_size, &latents_slot_)),
      done_(own_) {
  own_.synchronize();
}

dcgan_generator::~dcgan_generator() {
  try {
    if (done_on_ != nullptr) done_.synchronize();
    own_.synchronize();
  } catch (const Error&) {  // the device has failed: nothing runs any more
  }
  if (!own_.is_cuda()) end_idle_threads();
}

const Context& dcgan_generator::context_of(void* stream) {
  if (stream == nullptr) return own_;
  if (!own_.is_cuda()) misuse("a stream for a generator on the CPU");
  auto* const wanted = static_cast<CUstream_st*>(stream);
  if (!callers_ || callers_->stream() != wanted) callers_.emplace(own_.device(), wanted);
  return *callers_;
}

TensorView dcgan_generator::latent_rows(std::int64_t count) const {
  return latents_.view(latents_slot_).rows(0, count);
}

LatentOptions dcgan_generator::draws(std::uint64_t seed, std::uint64_t first) const {
  return {{seed, RandomStream::sample}, saved_.model.latent, static_cast<std::uint32_t>(first)};
}

template <class LatentsOf>
void dcgan_generator::make(const Context& context, const dcgan_images& images,
                           const LatentsOf& latents_of) {
  const StridedImages to = dcgan::api::caller_images(images, generator_.images_shape(images.count));
  for (std::int64_t first = 0; first < images.count; first += options_.batch) {
    const std::int64_t count = std::min(options_.batch, images.count - first);
    const ConstTensorView latents = latents_of(first, count);
    if (images.memory == DCGAN_MEMORY_DEVICE) {
      generator_.generate(context, latents, to.rows(first, count));
    } else {
      generator_.generate_to_host(context, latents, to.rows(first, count));
    }
  }
}

void dcgan_generator::sample(std::uint64_t seed, std::uint64_t first, const dcgan_images& images,
                             void* stream) {
  require_vectors(first, images.count);
  const Enqueuing call(*this, stream);
  call.refuse_host_memory(static_cast<dcgan_memory>(images.memory), "images");
  make(call.context(), images, [&](std::int64_t row, std::int64_t count) {
    generator_.draw(call.context(), latent_rows(count),
                    draws(seed, first + static_cast<std::uint64_t>(row)));
    return latent_rows(count);
  });
  call.finish(images.memory == DCGAN_MEMORY_HOST);
}

void dcgan_generator::generate(const float* latents, dcgan_memory memory,
                               const dcgan_images& images, void* stream) {
  const Enqueuing call(*this, stream);
  call.refuse_host_memory(memory, "latent vectors");
  call.refuse_host_memory(static_cast<dcgan_memory>(images.memory), "images");
  const ConstTensorView given(latents, {images.count, info_.latent_size});
  make(call.context(), images, [&](std::int64_t row, std::int64_t count) {
    const ConstTensorView rows = given.rows(row, count);
    if (memory == DCGAN_MEMORY_DEVICE || !own_.is_cuda()) return rows;
    upload(call.context(), rows, latent_rows(count));
    return ConstTensorView(latent_rows(count));
  });
  call.finish(images.memory == DCGAN_MEMORY_HOST);
}

void dcgan_generator::draw(std::uint64_t seed, std::uint64_t first, std::int64_t count,
                           float* latents, dcgan_memory memory, void* stream) {
  require_vectors(first, count);
  const Enqueuing call(*this, stream);
  call.refuse_host_memory(memory, "latent vectors");
  const TensorView to(latents, {count, info_.latent_size});
  for (std::int64_t row = 0; row < count; row += options_.batch) {
    const TensorView rows = to.rows(row, std::min(options_.batch, count - row));
    const bool direct = memory == DCGAN_MEMORY_DEVICE || !own_.is_cuda();
    const TensorView drawn = direct ? rows : latent_rows(rows.shape[0]);
    generator_.draw(call.context(), drawn, draws(seed, first + static_cast<std::uint64_t>(row)));
    if (!direct) download(call.context(), drawn, rows);
  }
  call.finish(memory == DCGAN_MEMORY_HOST);
}
