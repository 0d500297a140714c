// What a dcgan_generator is.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <optional>

#include "models/api/generator_request.h"
#include "runtime/device/device_scope.h"
#include "runtime/device/event.h"

/// The opaque type of the C header.
struct dcgan_generator {
 public:
  explicit dcgan_generator(const dcgan::api::GeneratorRequest& request);
  /// With its GPU current.
  ~dcgan_generator();

  const dcgan_generator_info& info() const { return info_; }
  dcgan::Device device() const { return own_.device(); }

  /// Images of latent vectors first, first + 1, ... of the seed.
  void sample(std::uint64_t seed, std::uint64_t first, const dcgan_images& images, void* stream);
  void generate(const float* latents, dcgan_memory memory, const dcgan_images& images,
                void* stream);
  void draw(std::uint64_t seed, std::uint64_t first, std::int64_t count, float* latents,
            dcgan_memory memory, void* stream);

  /// One thread's call: refuses a second one, and one in a child process.
  class Call {
   public:
    explicit Call(dcgan_generator* generator);
    ~Call() { busy_.store(false, std::memory_order_release); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    std::atomic<bool>& busy_;
  };
  /// Throws Refusal in a child process.
  void require_own_process() const;

 private:
  class Enqueuing;  // the scope in which a call enqueues

  const dcgan::Context& context_of(void* stream);
  /// Where a call puts the rows [first, first + count) of its latent vectors on the device.
  dcgan::TensorView latent_rows(std::int64_t count) const;
  dcgan::LatentOptions draws(std::uint64_t seed, std::uint64_t first) const;
  /// In pieces of at most a batch; latents_of(first, count) has their vectors on the device.
  template <class LatentsOf>
  void make(const dcgan::Context& context, const dcgan_images& images, const LatentsOf& latents_of);

  const pid_t process_;
  std::atomic<bool> busy_ = false;
  const int threads_;
  const dcgan::Context own_;  // with a stream of its own
  const dcgan::SavedGenerator saved_;
  const dcgan::GeneratorOptions options_;
  const dcgan_generator_info info_;
  dcgan::Generator generator_;
  dcgan::SlotId latents_slot_;
  dcgan::Arena latents_;
  std::optional<dcgan::Context> callers_;  // on the stream of the last call that had one
  // The end of the last call's work, for a next call on another stream.
  dcgan::Event done_;
  CUstream_st* done_on_ = nullptr;  // null: there was no call yet
};
