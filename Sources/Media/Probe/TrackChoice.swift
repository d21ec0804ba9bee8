import CFFmpeg
package import PipelineKit

/// Picks the streams that are meant, by what they are and not by how large they are.
package enum TrackChoice {
    /// The footage: never a cover, not the still track of a motion photo while there is moving picture; then the
    /// default track, then the longest, then the largest.
    package static func video(of tracks: [VideoTrack], scan: PacketScan) -> VideoTrack? {
        func frames(_ track: VideoTrack) -> Int { scan.tracks[track.index]?.packets ?? 0 }
        let footage = tracks.filter { !$0.isAttachedPicture && frames($0) > 0 }
        let longest = footage.map(frames).max() ?? 0
        let moving = longest > 2 ? footage.filter { frames($0) > 2 } : footage
        return moving.max { left, right in
            let order = [
                (left.isDefault ? 1 : 0, right.isDefault ? 1 : 0), (frames(left), frames(right)),
                (left.codedWidth * left.codedHeight, right.codedWidth * right.codedHeight),
                (-left.index, -right.index),
            ]
            for (a, b) in order where a != b { return a < b }
            return false
        }
    }

    /// The sound: one that can be decoded; the default track, then the one with most channels, then the first.
    package static func audio(of tracks: [AudioTrack], scan: PacketScan) -> AudioTrack? {
        let usable = tracks.filter { track in
            guard let codec = avcodec_descriptor_get_by_name(track.codec) else { return false }
            return avcodec_find_decoder(codec.pointee.id) != nil && scan.tracks[track.index]?.packets ?? 0 > 0
                && track.channels > 0 && track.sampleRate > 0
        }
        return usable.max { left, right in
            let order = [
                (left.isDefault ? 1 : 0, right.isDefault ? 1 : 0), (left.channels, right.channels),
                (-left.index, -right.index),
            ]
            for (a, b) in order where a != b { return a < b }
            return false
        }
    }
}
