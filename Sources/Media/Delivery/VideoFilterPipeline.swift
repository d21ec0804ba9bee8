import Foundation
import PipelineKit

/// Runs decoded frames through filters and colour conversion. Used by one thread.
final class VideoFilterPipeline {
    private let decision: DeliveryDecision
    private let options: DeliveryOptions
    private let track: VideoTrack
    private let orientation: Orientation
    private let decorations: DecorationFilters
    private let input: BoundedQueue<TimedFrame>
    private let output: BoundedQueue<Frame>
    private let timeBase: Rational
    private let log: MediaLog
    private let cancellation: CancellationFlag

    private var path: Path?
    private var shape: FrameShape?
    /// Lattices by conversion, so that footage that only changes its size reuses one.
    private var lattices: [ColourPlan: LUT3D] = [:]

    /// Number of finished frames.
    private(set) var frames = 0

    /// The filter graphs from decoded to finished frames, for frames of one shape.
    private final class Path {
        let graph: VideoFilterDescription
        let front: FilterGraph
        let lattice: LUT3D?
        /// The graph after the lattice; built for the first frame that the lattice returns.
        var rear: FilterGraph?

        init(graph: VideoFilterDescription, front: FilterGraph, lattice: LUT3D?) {
            self.graph = graph
            self.front = front
            self.lattice = lattice
        }
    }

    init(
        track: VideoTrack, decision: DeliveryDecision, options: DeliveryOptions, decorations: DecorationFilters,
        timeBase: Rational, input: BoundedQueue<TimedFrame>, output: BoundedQueue<Frame>, log: MediaLog,
        cancellation: CancellationFlag
    ) {
        self.decorations = decorations
        self.track = track
        self.decision = decision
        self.options = options
        self.timeBase = timeBase
        self.input = input
        self.output = output
        self.log = log
        self.cancellation = cancellation
        orientation = Orientation(rotation: track.rotation, mirrored: track.mirrored)
    }

    private var isOver = false
    private var isFull: Bool { isOver || frames >= decision.frameLimit }
    private var seconds: Double { Double(frames) / (decision.frameRate.value ?? 30) }

    /// Filters until the input ends or the delivery has enough frames.
    func run() throws(MediaError) {
        defer {
            input.stop()
            output.finish()
        }
        while !isFull, let item = input.take() {
            try cancellation.check("filtering")
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
            guard let lattice = path.lattice, let text = path.graph.rear else {
                give(frame)
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
            give(frame)
        }
    }

    private func give(_ frame: Frame) {
        frame.pts = Int64(frames)
        frame.dropSideData()
        frames += 1
        // The encoder stops its input only if it has failed: the job is over.
        if !output.put(frame) { isOver = true }
    }

    private func makePath(for frame: Frame) throws(MediaError) -> Path {
        let graph = makeGraph(for: frame)
        let front = try FilterGraph(
            video: graph.front, like: frame, timeBase: timeBase, frameRate: Rational(0, 1), log: log)
        var lattice = lattices[graph.colour]
        if lattice == nil, let filters = graph.colour.latticeFilters {
            lattice = try LUT3D(filters: filters, source: graph.colour.latticeTags, log: log)
            lattices[graph.colour] = lattice
        }
        return Path(graph: graph, front: front, lattice: lattice)
    }

    private func makeGraph(for frame: Frame) -> VideoFilterDescription {
        let told = frame.sampleAspectRatio
        // Frames that change size mid-stream have their own aspect ratio; otherwise the container's takes precedence.
        let isUsualSize = frame.width == track.codedWidth && frame.height == track.codedHeight
        let aspect = isUsualSize ? track.sampleAspectRatio : told.numerator > 0 ? told : Rational(1, 1)
        let ratio = aspect.value ?? 1
        let layout = FrameLayout(
            width: frame.width, height: frame.height, area: isUsualSize ? track.cleanAperture : nil,
            aspect: abs(ratio - 1) > 0.005 ? aspect : Rational(1, 1),
            orientation: orientation, canvasWidth: decision.width, canvasHeight: decision.height, fit: options.fit,
            focus: options.focus)
        var tags = frame.colour
        tags.range = tags.range ?? track.colorRange
        tags.primaries = tags.primaries ?? track.colorPrimaries
        tags.transfer = tags.transfer ?? track.colorTransfer
        tags.matrix = tags.matrix ?? track.colorSpace
        let colour = ColourPlan(
            tags: tags, pixelFormat: frame.pixelFormat, height: min(frame.width, frame.height),
            peakLuminance: frame.peakLuminance)
        let own = (track.averageFrameRate.value ?? 0) * decision.speed
        var graph = VideoFilterDescription(
            layout: layout, orientation: orientation, colour: colour, fit: options.fit,
            background: options.background, frameRate: decision.frameRate,
            dropsFrames: own > (decision.frameRate.value ?? 30) * 1.05, deinterlacer: decision.deinterlacer,
            start: seconds)
        graph.decorations = decorations.text
        return graph
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
