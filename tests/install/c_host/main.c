/* A C99 host: host PATH SEED OUT. It counts the generator's memory, hears its log, draws latent
 * vectors, changes none, and writes their images as planes (N, C, H, W) of bytes, upside down. */
#define _POSIX_C_SOURCE 200112L /* posix_memalign */
#include <dcgan/dcgan.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 5 };

struct pool {
  uint64_t bytes;
  int blocks;
};

static void* take(void* user, size_t bytes, size_t alignment) {
  struct pool* pool = user;
  void* data;
  if (posix_memalign(&data, alignment, bytes) != 0) return NULL;
  pool->bytes += bytes;
  pool->blocks += 1;
  return data;
}

static void give_back(void* user, void* data, size_t bytes) {
  struct pool* pool = user;
  (void)bytes;
  pool->blocks -= 1;
  free(data);
}

static void hear(void* user, dcgan_log_level level, const char* message) {
  (void)user;
  fprintf(stderr, "%s: %s\n", level == DCGAN_LOG_WARNING ? "warning" : "note", message);
}

static void require(dcgan_status status) {
  if (status == DCGAN_OK) return;
  fprintf(stderr, "%s: %s\n", dcgan_status_name(status), dcgan_last_error());
  exit(1);
}

int main(int argc, char** argv) {
  struct pool pool = {0, 0};
  dcgan_memory_resource memory = {sizeof memory, &pool, take, give_back};
  dcgan_generator_options options = {.struct_size = sizeof options};
  dcgan_generator_info planned = {.struct_size = sizeof planned};
  dcgan_images to = {.struct_size = sizeof to};
  dcgan_generator* generator;
  float* latents;
  unsigned char* pixels;
  FILE* file;
  if (argc != 4 || (file = fopen(argv[3], "wb")) == NULL) return 2;

  options.device = "cpu";
  options.batch = 2; /* a call's five images are three passes */
  options.log = hear;
  options.memory = &memory;
  require(dcgan_generator_inspect(argv[1], &options, &planned));
  printf("%" PRId64 " x %" PRId64 " x %" PRId64 ", %" PRIu64 " bytes\n", planned.channels,
         planned.height, planned.width, planned.memory_bytes);
  require(dcgan_generator_open(argv[1], &options, &generator));
  if (pool.bytes != planned.memory_bytes) return 3;

  int64_t plane = planned.height * planned.width;
  int64_t image = planned.channels * plane;
  latents = malloc((size_t)(COUNT * planned.latent_size) * sizeof *latents);
  pixels = malloc((size_t)(COUNT * image));
  require(dcgan_generator_draw(generator, strtoull(argv[2], NULL, 10), 0, COUNT, latents,
                               DCGAN_MEMORY_HOST, NULL));
  to.data = pixels + plane - planned.width; /* the last line of the first plane */
  to.count = COUNT;
  to.type = DCGAN_TYPE_UINT8;
  to.layout = DCGAN_LAYOUT_NCHW;
  to.strides[0] = image;
  to.strides[1] = plane;
  to.strides[2] = -planned.width;
  to.strides[3] = 1;
  require(dcgan_generator_generate(generator, latents, DCGAN_MEMORY_HOST, &to, NULL));
  fwrite(pixels, 1, (size_t)(COUNT * image), file);
  fclose(file);
  free(pixels);
  free(latents);
  require(dcgan_generator_close(&generator));
  return pool.blocks == 0 ? 0 : 4;
}
