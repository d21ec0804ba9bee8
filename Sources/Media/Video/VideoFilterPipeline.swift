import Foundation
import PipelineKit

/// Runs decoded frames through filters and colour conversion. Used by one thread.
final class VideoFilterPipeline {
    private let task: DeliveryTask
    private let decorations: DecorationFilters
    private let input: BoundedQueue<TimedFrame>
    private let output: BoundedQueue<Frame>
    private let timeBase: Rational
    private let log: MediaLog

    private var path: Path?
    private var shape: FrameShape?
    private var isOver = false
    /// Lattices by conversion, so that footage that only changes its size reuses one.
    private var lattices: [ColourPlan: LUT3D] = [:]

    /// Number of finished frames.
    private(set) var frames = 0

    /// The filter graphs from decoded to finished frames, for frames of one shape.
    private final class Path {
        let filters: VideoFilterDescription
        let front: FilterGraph
        let lattice: LUT3D?
        /// The graph after the lattice; built for the first frame that the lattice returns.
        var rear: FilterGraph?

        init(filters: VideoFilterDescription, front: FilterGraph, lattice: LUT3D?) {
            self.filters = filters
            self.front = front
            self.lattice = lattice
        }
    }

    /// - Parameter timeBase: Time base of the frames in `input`.
    init(
        _ task: DeliveryTask, decorations: DecorationFilters, timeBase: Rational, input: BoundedQueue<TimedFrame>,
        output: BoundedQueue<Frame>
    ) {
        self.task = task
        self.decorations = decorations
        self.timeBase = timeBase
        self.input = input
        self.output = output
        log = task.source.log
    }

    private var isFull: Bool { isOver || frames >= task.decision.excerpt.frameLimit }
    /// Time of the next finished frame, in seconds of the delivery.
    private var seconds: Double { Double(frames) / task.decision.format.framesPerSecond }

    /// Filters until the input ends or the delivery has enough frames.
    func run() throws(MediaError) {
        defer {
            input.stop()
            output.finish()
        }
        while !isFull, let item = input.take() {
            try task.source.cancellation.check("filtering")
            let time = item.frame.pts
            try filter(item.frame)
            if let end = item.end, !isFull { try close(at: max(end, time + 1)) }
        }
    }

    /// Sends a frame through the filters, which are rebuilt if the frames' shape changes.
    private func filter(_ frame: Frame) throws(MediaError) {
        let shape = FrameShape(frame)
        if shape != self.shape {
            try close(at: frame.pts)
            guard !isFull else { return }
            path = try makePath(for: frame)
            self.shape = shape
        }
        guard let path else { return }
        try path.front.push(frame)
        try drain(path)
    }

    private func close(at end: Int64) throws(MediaError) {
        guard let path else { return }
        try path.front.close(at: end)
        try drain(path)
        if let rear = path.rear {
            try rear.close(at: rescaled(end, from: timeBase, to: path.front.timeBase))
            try drain(rear)
        }
        self.path = nil
    }

    private func drain(_ path: Path) throws(MediaError) {
        while !isFull {
            let frame = try Frame()
            guard case .frame = try path.front.pull(into: frame) else { return }
            guard let lattice = path.lattice, let text = path.filters.rear else {
                emit(frame)
                continue
            }
            let converted = try lattice.convert(frame)
            if path.rear == nil {
                path.rear = try FilterGraph(
                    video: text, like: converted, timeBase: path.front.timeBase, frameRate: Rational(0, 1), log: log)
            }
            guard let rear = path.rear else { return }
            try rear.push(converted)
            try drain(rear)
        }
    }

    private func drain(_ rear: FilterGraph) throws(MediaError) {
        while !isFull {
            let frame = try Frame()
            guard case .frame = try rear.pull(into: frame) else { return }
            emit(frame)
        }
    }

    private func emit(_ frame: Frame) {
        frame.pts = Int64(frames)
        frame.dropSideData()
        frames += 1
        // The encoder stops its input only if it has failed: the job is over.
        if !output.put(frame) { isOver = true }
    }

    private func makePath(for frame: Frame) throws(MediaError) -> Path {
        let filters = makeFilters(for: frame)
        let front = try FilterGraph(
            video: filters.front, like: frame, timeBase: timeBase, frameRate: Rational(0, 1), log: log)
        var lattice = lattices[filters.colour]
        if lattice == nil, let latticeFilters = filters.colour.latticeFilters {
            lattice = try LUT3D(filters: latticeFilters, source: filters.colour.latticeTags, log: log)
            lattices[filters.colour] = lattice
        }
        return Path(filters: filters, front: front, lattice: lattice)
    }

    private func makeFilters(for frame: Frame) -> VideoFilterDescription {
        let (track, decision) = (task.track, task.decision)
        let stored = storedFrame(frame)
        let layout = FrameLayout(
            of: stored, on: PixelSize(width: decision.format.width, height: decision.format.height),
            fit: task.options.fit, focus: task.options.focus)
        let colour = ColourPlan(
            tags: colourTags(of: frame), pixelFormat: frame.pixelFormat, height: min(frame.width, frame.height),
            peakLuminance: frame.peakLuminance)
        var filters = VideoFilterDescription(
            layout: layout, orientation: stored.orientation, colour: colour, decision: decision, options: task.options)
        let rate = (track.averageFrameRate.value ?? 0) * decision.excerpt.speed
        filters.dropsFrames = rate > decision.format.framesPerSecond * 1.05
        filters.start = seconds
        filters.decorations = decorations.text
        return filters
    }

    /// Describes how a frame is stored. Frames that change size mid-stream have their own aspect ratio; otherwise the
    /// container's takes precedence.
    private func storedFrame(_ frame: Frame) -> StoredFrame {
        let track = task.track
        let isUsualSize = frame.width == track.codedWidth && frame.height == track.codedHeight
        let frameAspect = frame.sampleAspectRatio.numerator > 0 ? frame.sampleAspectRatio : Rational(1, 1)
        let aspect = isUsualSize ? track.sampleAspectRatio : frameAspect
        return StoredFrame(
            size: PixelSize(width: frame.width, height: frame.height),
            visibleRegion: isUsualSize ? track.cleanAperture : nil,
            sampleAspectRatio: abs((aspect.value ?? 1) - 1) > 0.005 ? aspect : Rational(1, 1),
            orientation: Orientation(rotation: track.rotation, mirrored: track.mirrored))
    }

    /// The frame's own colour tags, completed by the track's.
    private func colourTags(of frame: Frame) -> ColourTags {
        var tags = frame.colour
        tags.range = tags.range ?? task.track.colorRange
        tags.primaries = tags.primaries ?? task.track.colorPrimaries
        tags.transfer = tags.transfer ?? task.track.colorTransfer
        tags.matrix = tags.matrix ?? task.track.colorSpace
        return tags
    }
}

/// The properties of frames for which filters are built; if they change, so do the filters.
private struct FrameShape: Equatable {
    let width: Int
    let height: Int
    let pixelFormat: String
    let aspect: Rational
    let colour: ColourTags

    init(_ frame: Frame) {
        width = frame.width
        height = frame.height
        pixelFormat = frame.pixelFormat
        aspect = frame.sampleAspectRatio
        colour = frame.colour
    }
}
