import CFFmpeg
import PipelineKit

/// Probes one open file: scans its packets, chooses the streams and decodes the first frames.
struct ProbeReader {
    let source: SourceFile
    let demuxer: Demuxer
    let log: MediaLog
    let cancellation: CancellationFlag
    let deadline: ContinuousClock.Instant

    /// - Returns: The artifact, or the reason why the footage can't be used.
    /// - Throws: `MediaError` if a library call fails.
    func read() throws(MediaError) -> Result<ProbedMedia, StageError> {
        let tracks = TrackReader(demuxer: demuxer)
        let indices = Array(0..<demuxer.streamCount)
        guard indices.count <= MediaProbe.maximumStreams else {
            return refuse(
                "has \(indices.count) streams; at most \(MediaProbe.maximumStreams) are supported",
                hint: "remux it with only the streams you need")
        }
        let videoIndices = indices.filter { tracks.kind($0) == AVMEDIA_TYPE_VIDEO }
        let audioIndices = indices.filter { tracks.kind($0) == AVMEDIA_TYPE_AUDIO }
        let scan = try PacketScan(of: demuxer, streams: videoIndices + audioIndices, video: Set(videoIndices))
        let video = videoIndices.compactMap { tracks.video($0, scan: scan.tracks[$0]) }
        let audio = audioIndices.compactMap { tracks.audio($0, scan: scan.tracks[$0]) }

        guard let chosen = TrackChoice.video(of: video, scan: scan) else {
            let isEmpty = video.contains { !$0.isAttachedPicture }
            return refuse(
                Self.absence(video: video, audio: audio), hint: isEmpty ? MediaProbe.damagedHint : MediaProbe.videoHint)
        }
        if let refusal = check(chosen, isEncrypted: tracks.isEncrypted(chosen.index)) { return .failure(refusal) }
        let isLoop = ["gif", "apng"].contains(demuxer.formatName)
        if isLoop, scan.tracks[chosen.index]?.packets ?? 0 < 2 {
            return refuse("is a still image, not footage", hint: MediaProbe.videoHint)
        }

        var findings = ProbeFindings(source: source, demuxer: demuxer, scan: scan)
        findings.video = video
        findings.audio = audio
        findings.other = indices.filter { !videoIndices.contains($0) && !audioIndices.contains($0) }.compactMap(
            tracks.other)
        let refined: VideoTrack
        switch try refine(chosen, tracks: tracks, scan: scan, findings: &findings) {
        case .success(let track): refined = track
        case .failure(let refusal): return .failure(refusal)
        }
        findings.chosenVideo = refined
        findings.chosenAudio = TrackChoice.audio(of: audio, scan: scan)
        return .success(findings.media())
    }

    /// Why no video track was chosen, as the predicate of an error message.
    private static func absence(video: [VideoTrack], audio: [AudioTrack]) -> String {
        if video.isEmpty { return audio.isEmpty ? "has neither video nor audio" : "has audio but no video" }
        if video.contains(where: { !$0.isAttachedPicture }) { return "has a video track without any frames" }
        return audio.isEmpty
            ? "has a cover image but no video" : "has audio and a cover image but no video"
    }

    private func refuse(_ problem: String, hint: String?) -> Result<ProbedMedia, StageError> {
        .failure(MediaProbe.unusable(source, problem, hint: hint))
    }

    private func check(_ track: VideoTrack, isEncrypted: Bool) -> StageError? {
        let stream = "stream \(track.index) (\(track.codec))"
        if isEncrypted {
            return MediaProbe.unusable(
                source, "is encrypted: \(stream) can't be decoded", hint: "export it without copy protection")
        }
        if track.codedWidth > MediaProbe.maximumSide || track.codedHeight > MediaProbe.maximumSide
            || track.codedWidth * track.codedHeight > Frame.maximumPixels
        {
            return MediaProbe.unusable(
                source, "is too large: \(stream) is \(track.codedWidth)×\(track.codedHeight)",
                hint: "scale it below \(MediaProbe.maximumSide) pixels a side and 67 megapixels first")
        }
        if let profile = track.dolbyVisionProfile, [5, 10].contains(profile),
            track.dolbyVisionCompatibility ?? 0 == 0
        {
            return MediaProbe.unusable(
                source, "is Dolby Vision profile \(profile): \(stream) has no base layer that other players can show",
                hint: "export it as HDR10, HLG or SDR")
        }
        return nil
    }

    /// Decodes the first frames, since the bitstream may contradict the container.
    private func refine(
        _ chosen: VideoTrack, tracks: TrackReader, scan: PacketScan, findings: inout ProbeFindings
    ) throws(MediaError) -> Result<VideoTrack, StageError> {
        let index = chosen.index
        let sampler: FrameSampler
        do throws(MediaError) {
            let demuxer = try Demuxer(
                path: source.file.path, log: log, cancellation: cancellation, description: .other(demuxer),
                deadline: deadline)
            // With several threads FFmpeg outputs frames without their references if footage starts between keyframes.
            sampler = try FrameSampler(stream: index, of: demuxer, log: log, threads: 1)
        } catch {
            if error.isCancellation || error.isTimeout { throw error }
            return .failure(
                MediaProbe.unusable(
                    source, "holds \(chosen.codec) video, which this build of FFmpeg can't decode",
                    hint: "convert it to H.264 first", cause: error))
        }
        let frame = try Frame()
        // Only footage that may be interlaced needs more than the first frame.
        guard try chosen.fieldOrder == "progressive" ? sampler.first(into: frame) : sampler.next(into: frame),
            var track = tracks.video(index, scan: scan.tracks[index], frame: frame, profile: sampler.profile)
        else {
            return .failure(
                MediaProbe.unusable(
                    source,
                    "has no frame that can be decoded: stream \(index) (\(sampler.codec)), \(sampler.packets) packets",
                    hint: MediaProbe.damagedHint))
        }
        if let refusal = check(track, isEncrypted: false) { return .failure(refusal) }
        if frame.isInterlaced {
            if track.fieldOrder == "progressive" { track.fieldOrder = "tt" }
        } else if chosen.fieldOrder == "unknown" {
            track.fieldOrder = "unknown"
        }
        // Footage that starts between keyframes has packets before its first decodable frame.
        let time = frame.time.map { Double($0) * (sampler.timeBase.value ?? 0) }
        if let time, let start = track.startTime, time > start {
            findings.lead = time - start
            track.duration = track.duration.map { max(0, $0 - findings.lead) }
            track.startTime = time
        }
        findings.geometryWarning =
            tracks.geometry(
                of: index, width: track.codedWidth, height: track.codedHeight, aspect: track.sampleAspectRatio
            ).warning
        if track.mayBeInterlaced { try measureFields(of: &track, sampler) }
        if track.fieldOrder == "unknown" { track.fieldOrder = "progressive" }
        return .success(track)
    }

    /// Replaces the declared field order by the one measured from the frames.
    private func measureFields(of track: inout VideoTrack, _ sampler: FrameSampler) throws(MediaError) {
        let verdict: String?
        do throws(MediaError) {
            verdict = try InterlaceDetector(sampler, log: log).verdict
        } catch {
            // If the filters can't be built, keep the declared order.
            if error.isCancellation || error.isTimeout { throw error }
            verdict = nil
        }
        guard let verdict else { return }
        // `tb` and `bt` are stored in the other order, but displayed like `bb` and `tt`.
        let claim = ["tb": "bb", "bt": "tt"][track.fieldOrder] ?? track.fieldOrder
        guard verdict != claim else { return }
        if claim != "unknown" || verdict != "progressive" { track.claimedFieldOrder = track.fieldOrder }
        track.fieldOrder = verdict
    }
}

extension VideoTrack {
    /// Whether frames may hold two fields: declared interlaced, or undeclared with the size and rate of television.
    fileprivate var mayBeInterlaced: Bool {
        if ["tt", "bb", "tb", "bt"].contains(fieldOrder) { return true }
        return fieldOrder == "unknown"
            && InterlaceDetector.isBroadcast(height: codedHeight, rate: averageFrameRate.value)
    }
}
