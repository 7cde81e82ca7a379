// What the C++ ABI may call in code that never ends and has no exceptions.
extern "C" {

// A pure virtual function was called: there is nothing sensible left to do.
[[noreturn]] void __cxa_pure_virtual() {
  for (;;) {
  }
}

// Objects of static storage live as long as the machine runs: nothing is destroyed, so nothing is registered.
int atexit(void (*)()) {
  return 0;
}
int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;
}
void* __dso_handle = nullptr;

}  // extern "C"
