// Linked with GStreamer only to make the build wait for it.
int main(void) { return 0; }
