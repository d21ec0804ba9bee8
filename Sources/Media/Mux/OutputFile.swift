/// The file that a delivery is written to, and how far its video has been written.
struct OutputFile {
    let muxer: Muxer
    let clock: VideoProgressClock
}
