import PipelineKit

/// What one attempt at a delivery works on: the open footage, the options, and the decision about them.
struct DeliveryTask {
    let source: FootageSource
    let track: VideoTrack
    let options: DeliveryOptions
    var decision: DeliveryDecision

    /// - Throws: `MediaError` if the footage has no video track.
    init(source: FootageSource, options: DeliveryOptions, decision: DeliveryDecision) throws(MediaError) {
        guard let track = source.media.videoTrack else {
            throw MediaError("choosing the video track", text: "there is none", file: source.media.source.file.path)
        }
        self.source = source
        self.track = track
        self.options = options
        self.decision = decision
    }
}
