// The functions of dcgan.h that concern a generator: arguments, then the handle's own.
#include "models/api/caller_images.h"
#include "models/api/generator_handle.h"
#include "models/api/sized_struct.h"

using namespace dcgan;
using dcgan::api::misuse;

namespace {

dcgan_generator* required(dcgan_generator* generator) {
  if (generator == nullptr) misuse("generator is NULL");
  return generator;
}

void require_latents(const float* latents, std::int64_t count) {
  if (count < 0) misuse("count {} is negative", count);
  if (latents == nullptr && count > 0) misuse("latents is NULL for {} vectors", count);
  if (reinterpret_cast<std::uintptr_t>(latents) % alignof(float) != 0) {
    misuse("latents at {} are not aligned to float", static_cast<const void*>(latents));
  }
}

}  // namespace

extern "C" {

dcgan_status dcgan_generator_inspect(const char* path, const dcgan_generator_options* options,
                                     dcgan_generator_info* info) {
  return api::guarded("dcgan_generator_inspect", [&] {
    if (info == nullptr) misuse("info is NULL");
    api::given_size(info, "dcgan_generator_info");
    const api::GeneratorRequest request(path, options);
    const SavedGenerator saved = request.find();
    const Device device = request.device();
    const DeviceScope scope(device);
    const Context context = request.context(device);
    const dcgan_generator_info found =
        api::describe(context, saved, request.planned(context, saved));
    api::write_struct(found, info, "dcgan_generator_info");
  });
}

dcgan_status dcgan_generator_open(const char* path, const dcgan_generator_options* options,
                                  dcgan_generator** generator) {
  if (generator != nullptr) *generator = nullptr;
  return api::guarded("dcgan_generator_open", [&] {
    if (generator == nullptr) misuse("generator is NULL");
    const api::GeneratorRequest request(path, options);
    const DeviceScope scope(request.device());
    *generator = std::make_unique<dcgan_generator>(request).release();
  });
}

dcgan_status dcgan_generator_query(const dcgan_generator* generator, dcgan_generator_info* info) {
  return api::guarded("dcgan_generator_query", [&] {
    if (generator == nullptr) misuse("generator is NULL");
    generator->require_own_process();
    api::write_struct(generator->info(), info, "dcgan_generator_info");
  });
}

dcgan_status dcgan_generator_close(dcgan_generator** generator) {
  return api::guarded("dcgan_generator_close", [&] {
    if (generator == nullptr) misuse("generator is NULL");
    if (*generator == nullptr) return;
    { const dcgan_generator::Call last(*generator); }
    std::optional<DeviceScope> scope;  // for the caller's memory resource
    try {
      scope.emplace((*generator)->device());
    } catch (const Error&) {  // the device has failed, and is left all the same
    }
    delete std::exchange(*generator, nullptr);
  });
}

dcgan_status dcgan_generator_sample(dcgan_generator* generator, std::uint64_t seed,
                                    std::uint64_t first, const dcgan_images* images, void* stream) {
  return api::guarded("dcgan_generator_sample", [&] {
    const dcgan_generator::Call call(required(generator));
    generator->sample(seed, first, api::read_images(images), stream);
  });
}

dcgan_status dcgan_generator_generate(dcgan_generator* generator, const float* latents,
                                      std::int32_t memory, const dcgan_images* images,
                                      void* stream) {
  return api::guarded("dcgan_generator_generate", [&] {
    const dcgan_generator::Call call(required(generator));
    const dcgan_images to = api::read_images(images);
    require_latents(latents, to.count);
    generator->generate(latents, api::checked_memory(memory), to, stream);
  });
}

dcgan_status dcgan_generator_draw(dcgan_generator* generator, std::uint64_t seed,
                                  std::uint64_t first, std::int64_t count, float* latents,
                                  std::int32_t memory, void* stream) {
  return api::guarded("dcgan_generator_draw", [&] {
    const dcgan_generator::Call call(required(generator));
    require_latents(latents, count);
    generator->draw(seed, first, count, latents, api::checked_memory(memory), stream);
  });
}

}  // extern "C"
