package import Media
public import PipelineKit

extension DeliveryOptions.Fit: OptionValue {}
extension DeliveryOptions.Passthrough: OptionValue {}
extension DeliveryOptions.Overlong: OptionValue {}
extension DeliveryOptions.Deinterlacing: OptionValue {}
extension DeliveryOptions.Preset: OptionValue {}

/// How to handle the footage's metadata tags.
public enum MetadataPolicy: String, OptionValue, CaseIterable {
    /// Removes all of the tags.
    case strip
    /// Keeps title, comment, date, genre and similar tags, but never those that identify a place, device or person.
    case keep
}
