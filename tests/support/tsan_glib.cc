// Tells the thread sanitizer what GLib's and GStreamer's primitives order.
// Debian's libraries are not instrumented and lock by futex and by atomics,
// which it cannot see: without this every value that a GMutex guards looks like
// a race. The program's functions come before those of the libraries, also for
// calls from one library into another; calls inside one library stay unseen,
// which is what tsan.supp is for.
//
// Each primitive has an address: whoever gives something through it calls
// Gives(), whoever takes Takes(). Reference counts do both, as any unref may be
// the last. That orders a little more than the real thing, never less.
#if defined(__SANITIZE_THREAD__)

#pragma GCC visibility push(default)

#include <dlfcn.h>
#include <gst/gst.h>
#include <sanitizer/tsan_interface.h>

#undef g_once_init_enter
#undef g_once_init_leave

namespace {

void Gives(void* address) { __tsan_release(address); }
void Takes(void* address) { __tsan_acquire(address); }

}  // namespace

// The library's own function of this name.
#define REAL(function)     \
  static const auto real = \
      reinterpret_cast<decltype(&function)>(dlsym(RTLD_NEXT, #function))

extern "C" {

void g_mutex_lock(GMutex* mutex) {
  REAL(g_mutex_lock);
  real(mutex);
  Takes(mutex);
}

gboolean g_mutex_trylock(GMutex* mutex) {
  REAL(g_mutex_trylock);
  const gboolean locked = real(mutex);
  if (locked) Takes(mutex);
  return locked;
}

void g_mutex_unlock(GMutex* mutex) {
  REAL(g_mutex_unlock);
  Gives(mutex);
  real(mutex);
}

void g_cond_wait(GCond* cond, GMutex* mutex) {
  REAL(g_cond_wait);
  Gives(mutex);
  real(cond, mutex);
  Takes(mutex);
}

gboolean g_cond_wait_until(GCond* cond, GMutex* mutex, gint64 end) {
  REAL(g_cond_wait_until);
  Gives(mutex);
  const gboolean woken = real(cond, mutex, end);
  Takes(mutex);
  return woken;
}

// These two are pthread's own, which is seen; but they are made when they are
// first used, by whoever comes first, and given to all by an atomic pointer.
void g_rec_mutex_init(GRecMutex* mutex) {
  REAL(g_rec_mutex_init);
  real(mutex);
  Gives(mutex);
}

void g_rec_mutex_lock(GRecMutex* mutex) {
  REAL(g_rec_mutex_lock);
  Takes(mutex);
  real(mutex);
  Gives(mutex);
}

gboolean g_rec_mutex_trylock(GRecMutex* mutex) {
  REAL(g_rec_mutex_trylock);
  Takes(mutex);
  const gboolean locked = real(mutex);
  if (locked) Gives(mutex);
  return locked;
}

void g_rw_lock_init(GRWLock* lock) {
  REAL(g_rw_lock_init);
  real(lock);
  Gives(lock);
}

void g_rw_lock_reader_lock(GRWLock* lock) {
  REAL(g_rw_lock_reader_lock);
  Takes(lock);
  real(lock);
  Gives(lock);
}

void g_rw_lock_writer_lock(GRWLock* lock) {
  REAL(g_rw_lock_writer_lock);
  Takes(lock);
  real(lock);
  Gives(lock);
}

gboolean g_once_init_enter(volatile void* location) {
  REAL(g_once_init_enter);
  const gboolean first = real(location);
  Takes(const_cast<void*>(location));
  return first;
}

void g_once_init_leave(volatile void* location, gsize result) {
  REAL(g_once_init_leave);
  Gives(const_cast<void*>(location));
  real(location, result);
}

void g_async_queue_push(GAsyncQueue* queue, gpointer data) {
  REAL(g_async_queue_push);
  Gives(queue);
  real(queue, data);
}

gpointer g_async_queue_pop(GAsyncQueue* queue) {
  REAL(g_async_queue_pop);
  const gpointer data = real(queue);
  Takes(queue);
  return data;
}

gpointer g_async_queue_try_pop(GAsyncQueue* queue) {
  REAL(g_async_queue_try_pop);
  const gpointer data = real(queue);
  Takes(queue);
  return data;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue* queue, guint64 timeout) {
  REAL(g_async_queue_timeout_pop);
  const gpointer data = real(queue, timeout);
  Takes(queue);
  return data;
}

void g_object_unref(gpointer object) {
  REAL(g_object_unref);
  Gives(object);
  Takes(object);
  real(object);
}

void gst_object_unref(gpointer object) {
  REAL(gst_object_unref);
  Gives(object);
  Takes(object);
  real(object);
}

void gst_mini_object_unref(GstMiniObject* object) {
  REAL(gst_mini_object_unref);
  Gives(object);
  Takes(object);
  real(object);
}

gboolean gst_bus_post(GstBus* bus, GstMessage* message) {
  REAL(gst_bus_post);
  Gives(bus);
  return real(bus, message);
}

gboolean gst_element_post_message(GstElement* element, GstMessage* message) {
  REAL(gst_element_post_message);
  Gives(GST_MESSAGE_SRC(message));
  if (element->bus != nullptr) Gives(element->bus);
  return real(element, message);
}

GstMessage* gst_bus_timed_pop_filtered(GstBus* bus, GstClockTime timeout,
                                       GstMessageType types) {
  REAL(gst_bus_timed_pop_filtered);
  GstMessage* message = real(bus, timeout, types);
  Takes(bus);
  if (message != nullptr) Takes(GST_MESSAGE_SRC(message));
  return message;
}

GstMessage* gst_bus_pop_filtered(GstBus* bus, GstMessageType types) {
  return gst_bus_timed_pop_filtered(bus, 0, types);
}

GstFlowReturn gst_buffer_pool_acquire_buffer(
    GstBufferPool* pool, GstBuffer** buffer,
    GstBufferPoolAcquireParams* params) {
  REAL(gst_buffer_pool_acquire_buffer);
  const GstFlowReturn flow = real(pool, buffer, params);
  if (flow == GST_FLOW_OK) Takes(*buffer);
  return flow;
}

}  // extern "C"

#endif
