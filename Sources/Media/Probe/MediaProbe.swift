import CFFmpeg
import Foundation
package import PipelineKit

/// Looks into footage: what is in it, which streams are meant, and whether it can be delivered at all.
package enum MediaProbe {
    private static let maximumStreams = 64
    private static let maximumSide = 16_384

    /// Probes a file on a thread of its own.
    /// - Throws: `StageError` with code `unusable-footage` for what can't be delivered, with what to do about it.
    package static func probe(_ source: SourceFile) async throws(StageError) -> ProbedMedia {
        try await BlockingWork.run(name: "media-probe") { (cancellation) throws(StageError) in
            try probe(source, cancellation: cancellation)
        }
    }

    /// Probes a file on the calling thread.
    package static func probe(
        _ source: SourceFile, cancellation: CancellationFlag
    ) throws(StageError) -> ProbedMedia {
        try MediaLibraries.load()
        let log = MediaLog()
        return try log.attached { () throws(StageError) in
            try checkFile(source)
            let demuxer: Demuxer
            do throws(MediaError) {
                demuxer = try Demuxer(path: source.file.path, log: log, cancellation: cancellation)
            } catch {
                throw refusal(of: source, error)
            }
            let result: Result<ProbedMedia, StageError>
            do throws(MediaError) {
                result = try Reader(source: source, demuxer: demuxer, log: log, cancellation: cancellation).read()
            } catch {
                throw error.isInvalidData
                    ? unusable(source, "can't be read: \(error.text)", hint: damagedHint, cause: error)
                    : error.stageError()
            }
            return try result.get()
        }
    }

    private static let damagedHint = "the file may be damaged or still being written; copy it again from its origin"

    /// An error that names the footage.
    static func unusable(
        _ source: SourceFile, _ problem: String, hint: String? = nil, cause: MediaError? = nil
    ) -> StageError {
        StageError(.unusableFootage, "\(source.displayPath) \(problem)", hint: hint, cause: cause?.description)
    }

    private static func checkFile(_ source: SourceFile) throws(StageError) {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source.file.path, isDirectory: &isDirectory) else {
            throw unusable(source, "does not exist", hint: "check the path")
        }
        if isDirectory.boolValue {
            throw unusable(source, "is a folder, not a file", hint: "name the files in it: \(source.displayPath)/*")
        }
        let attributes = try? FileManager.default.attributesOfItem(atPath: source.file.path)
        if (attributes?[.size] as? NSNumber)?.int64Value == 0 {
            throw unusable(source, "is empty", hint: "copy it again from its origin")
        }
        if !FileManager.default.isReadableFile(atPath: source.file.path) {
            throw unusable(source, "may not be read", hint: "give this user permission to read it")
        }
    }

    private static func refusal(of source: SourceFile, _ error: MediaError) -> StageError {
        if error.isCancellation { return .cancelled }
        if error.operation == Demuxer.imageOperation {
            return unusable(source, "is a still image, not footage", hint: "give a video file", cause: error)
        }
        if error.isInvalidData {
            return unusable(
                source, "can't be read as video: \(error.text)",
                hint: "it is damaged, incomplete or no video; try to play it, or copy it again from its origin",
                cause: error)
        }
        return unusable(source, "can't be read: \(error.text)", hint: damagedHint, cause: error)
    }
}

extension MediaProbe {
    /// One pass over one open file.
    private struct Reader {
        let source: SourceFile
        let demuxer: Demuxer
        let log: MediaLog
        let cancellation: CancellationFlag

        /// Failures of ours are `StageError`s already; those of the library become one where they are understood.
        func read() throws(MediaError) -> Result<ProbedMedia, StageError> {
            let tracks = TrackReader(demuxer: demuxer)
            let indices = Array(0..<demuxer.streamCount)
            guard indices.count <= MediaProbe.maximumStreams else {
                return refuse("has \(indices.count) streams; more than 64 are not handled", hint: "remux it first")
            }
            let pictures = indices.filter { tracks.kind($0) == AVMEDIA_TYPE_VIDEO }
            let sounds = indices.filter { tracks.kind($0) == AVMEDIA_TYPE_AUDIO }
            let scan = try PacketScan(of: demuxer, streams: pictures + sounds, pictures: Set(pictures))
            let others = indices.filter { !pictures.contains($0) && !sounds.contains($0) }.compactMap(tracks.other)
            var video = pictures.compactMap { tracks.video($0, scan: scan.tracks[$0]) }
            let audio = sounds.compactMap { tracks.audio($0, scan: scan.tracks[$0]) }

            guard let chosen = TrackChoice.video(of: video, scan: scan) else {
                if audio.isEmpty, video.isEmpty {
                    return refuse("holds neither picture nor sound", hint: "give a video file")
                }
                if video.contains(where: { !$0.isAttachedPicture }) {
                    return refuse("has a picture track without a single picture", hint: MediaProbe.damagedHint)
                }
                return refuse(
                    video.isEmpty ? "has sound but no picture" : "has sound and a cover picture but no footage",
                    hint: "give a video file")
            }
            if let refusal = check(chosen, isEncrypted: tracks.isEncrypted(chosen.index)) { return .failure(refusal) }
            if ["gif", "apng", "webp_pipe"].contains(demuxer.formatName), scan.tracks[chosen.index]?.packets ?? 0 < 2 {
                return refuse("is a still image, not footage", hint: "give a video file")
            }

            // What the bitstream says may contradict the container.
            let first: FirstFrame
            switch try firstFrame(chosen.index) {
            case .success(let found): first = found
            case .failure(let refusal): return .failure(refusal)
            }
            guard
                var track = tracks.video(
                    chosen.index, scan: scan.tracks[chosen.index], frame: first.frame, profile: first.profile)
            else { return refuse("can't be read", hint: MediaProbe.damagedHint) }
            if track.fieldOrder == "progressive", first.frame.isInterlaced { track.fieldOrder = "tt" }
            if let refusal = check(track, isEncrypted: false) { return .failure(refusal) }
            // Footage that begins between key frames has no picture yet when its packets start.
            if let shown = first.time, let start = track.startTime, shown > start {
                track.duration = track.duration.map { max(0, $0 - (shown - start)) }
                track.startTime = shown
            }
            video = video.map { $0.index == track.index ? track : $0 }

            let sound = TrackChoice.audio(of: audio, scan: scan)
            return .success(assemble(video: video, audio: audio, other: others, track: track, sound: sound, scan: scan))
        }

        private func refuse(_ problem: String, hint: String?) -> Result<ProbedMedia, StageError> {
            .failure(MediaProbe.unusable(source, problem, hint: hint))
        }

        private func check(_ track: VideoTrack, isEncrypted: Bool) -> StageError? {
            let place = "stream \(track.index) (\(track.codec))"
            if isEncrypted {
                return MediaProbe.unusable(
                    source, "is encrypted: \(place) can't be decoded", hint: "export it without copy protection")
            }
            if track.codedWidth > MediaProbe.maximumSide || track.codedHeight > MediaProbe.maximumSide
                || track.codedWidth * track.codedHeight > Decoder.maximumPixels
            {
                return MediaProbe.unusable(
                    source, "is too large: \(place) is \(track.codedWidth)×\(track.codedHeight)",
                    hint: "scale it below \(MediaProbe.maximumSide) pixels a side and 67 megapixels first")
            }
            if track.dolbyVisionProfile == 5 && track.dolbyVisionCompatibility ?? 0 == 0 {
                return MediaProbe.unusable(
                    source, "is Dolby Vision profile 5: \(place) has no base layer that other players can show",
                    hint: "export it as HDR10, HLG or SDR")
            }
            return nil
        }

        private struct FirstFrame {
            var frame: Frame
            var profile: String?
            var time: Double?
        }

        /// Decodes up to the first whole picture.
        private func firstFrame(_ index: Int) throws(MediaError) -> Result<FirstFrame, StageError> {
            // A new demuxer: going back is what damaged files do worst.
            let demuxer = try Demuxer(path: source.file.path, log: log, cancellation: cancellation)
            demuxer.keep([index])
            let decoder: Decoder
            do throws(MediaError) {
                decoder = try Decoder(stream: index, of: demuxer, log: log, threads: 1)
            } catch {
                if error.isCancellation { throw error }
                let name = TrackReader(demuxer: demuxer).video(index, scan: nil)?.codec ?? "unknown"
                return .failure(
                    MediaProbe.unusable(
                        source, "holds \(name) video, which this build of FFmpeg can't decode",
                        hint: "convert it to H.264 first", cause: error))
            }
            let packet = try Packet()
            let frame = try Frame()
            var packets = 0
            while packets < 1200 {
                let more = try demuxer.read(into: packet)
                if more, packet.stream != index { continue }
                packets += 1
                try decoder.send(more ? packet : nil)
                if try decoder.receive(into: frame) {
                    let base = demuxer.timeBase(of: index).value ?? 0
                    return .success(
                        FirstFrame(
                            frame: frame, profile: decoder.profile, time: frame.time.map { Double($0) * base }))
                }
                if !more { break }
            }
            return .failure(
                MediaProbe.unusable(
                    source, "has no picture that can be decoded: stream \(index) (\(decoder.name)), \(packets) packets",
                    hint: MediaProbe.damagedHint))
        }

        private func assemble(
            video: [VideoTrack], audio: [AudioTrack], other: [OtherTrack], track: VideoTrack, sound: AudioTrack?,
            scan: PacketScan
        ) -> ProbedMedia {
            var warnings: [String] = []
            let chosen = [track.index] + (sound.map { [$0.index] } ?? [])
            let measured = chosen.compactMap { scan.tracks[$0] }
            let start = measured.compactMap(\.start).min() ?? demuxer.startTime ?? 0
            let end = measured.compactMap(\.end).max()
            let claimed = demuxer.claimedDuration
            var duration = claimed ?? 0
            if scan.isComplete, let end, end > start {
                duration = end - start
                // Containers count from zero, footage may begin later.
                if let claimed, !demuxer.mayJump, claimed - max(duration, end) > max(0.5, claimed * 0.02) {
                    warnings.append(
                        "the file claims \(Self.text(claimed)) but holds only \(Self.text(duration)) of packets: it is "
                            + "damaged or was cut off")
                }
            } else if let end, claimed == nil {
                duration = end - start
            }
            let corrupt = scan.tracks[track.index]?.corrupt ?? 0
            if corrupt > 0 { warnings.append("\(corrupt) packets of the picture are damaged") }
            if scan.readErrors > 0 { warnings.append("the file could not be read to its end without errors") }
            if let picture = scan.tracks[track.index]?.duration, let sound,
                let length = scan.tracks[sound.index]?.duration, abs(picture - length) > 0.5
            {
                warnings.append("picture is \(Self.text(picture)) and sound \(Self.text(length)) long")
            }
            let footage = video.filter { !$0.isAttachedPicture }
            if footage.count > 1 {
                warnings.append("\(footage.count) picture tracks: stream \(track.index) is used")
            }
            if audio.count > 1, let sound {
                warnings.append("\(audio.count) sound tracks: stream \(sound.index) is used")
            }
            if !audio.isEmpty, sound == nil { warnings.append("no sound track can be decoded: it is left out") }
            return ProbedMedia(
                source: source, container: demuxer.formatName, duration: duration, startTime: start,
                bitRate: demuxer.bitRate, fastStart: MP4Boxes.isFastStart(fileAt: source.file.path), video: video,
                audio: audio, other: other, chosenVideo: track.index, chosenAudio: sound?.index, tags: demuxer.tags,
                warnings: warnings)
        }

        private static func text(_ seconds: Double) -> String { String(format: "%.2f s", seconds) }
    }
}
