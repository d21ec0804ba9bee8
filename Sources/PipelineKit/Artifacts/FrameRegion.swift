/// A rectangle within a frame, in stored pixels from the top left corner.
public struct FrameRegion: Sendable, Hashable, Codable, CustomStringConvertible {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// `width×height+x+y`, such as `1080×1920+0+0`.
    public var description: String { "\(width)×\(height)+\(x)+\(y)" }
}
