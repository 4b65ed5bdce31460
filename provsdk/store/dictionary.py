"""The text that DEFLATE begins with when parts are packed: what every record says, so that it costs next to nothing.

It is part of the format of packs, version 1, and never changes: a blob can only be unpacked with the bytes that it was
packed with. Field names that come later are just compressed less well.
"""

from typing import Final

__all__ = ["DICTIONARY"]

DICTIONARY: Final = (
    b'environmentstandardregulatorypermanentlong_term{"approval_required":["delete","admin"],'
    b'"encryption_required":false}{"basis":"classification","days":90,"period":"standard",'
    b'"secure_deletion":true}{"purpose":null,"recipients":[],"session":null,"subjects":[],'
    b'"tenant":"default"}[{"agent":"","role":"output_owner"}]{"arguments":[],"ended_at":"","error_type":null,'
    b'"finish_reasons":["stop"],"input_tokens":12,"model":"","model_call_id":"act_","name":"",'
    b'"output_tokens":3,"parameters":{"temperature":0},"provider":"","response_id":null,"response_model":null,'
    b'"results":[],"started_at":"","status":"completed","version":null}[{"arguments":[],"blocking":true,'
    b'"check_id":"act_","ended_at":"","error_type":null,"name":"","parameters":{},"reasons":[],'
    b'"result":"pass","started_at":"","status":"completed","type":"content_filter",'
    b'"version":null}][{"arguments":[],"ended_at":"","error_type":null,"name":"","parameters":{},"results":[],'
    b'"started_at":"","status":"completed","transformation_id":"act_","type":"merge",'
    b'"version":null}]{"capture":{"integrations":[],"path":"process"},"completeness":{"complete":false,'
    b'"reasons":[{"detail":null,"reason":"content_not_kept"}]},"counts":{"edges":8,"model_calls":1,"owners":1,'
    b'"policy_checks":1,"sources":1,"transformations":1},"emitter":{"id":"emi_","number":1},"generated_at":"",'
    b'"output":{"arguments":[],"classification":"internal","digest":"sha256:","ended_at":"","error_type":null,'
    b'"join_digest":"hmac-sha256:","media_type":"text/plain","name":"1","output_id":"out_","size_bytes":8,'
    b'"started_at":"","status":"completed","version":null},"record_id":"rec_","schema_version":"1",'
    b'"trace":{"span_id":"","trace_id":""},"vocabulary_version":"1"}{"digest":"sha256:","element_of":null,'
    b'"entity_id":"ent_","join_digest":"hmac-sha256:","media_type":"text/plain","name":null,"role":"argument",'
    b'"size_bytes":"role":"element""role":"result"{"activity_id":"act_","retrieved_at":"2026-11-24T0",'
    b'"source_id":"ent_","type":"api","type":"user_input","type":"file","type":"database"}{"arguments":[],'
    b'"basis":"identity","classification":null,"digest":"sha256:","elements":[],"error_type":null,'
    b'"join_digest":"hmac-sha256:","location":"","media_type":"text/plain","modified_at":null,"name":"",'
    b'"owner":null,"parameters":{},"reliability":0.95,"requires_verification":false,"size_bytes":42,'
    b'"status":"completed","version":"12"}{"basis":"containment","from":"ent_","relation":"wasDerivedFrom",'
    b'"to":"out_"},{"basis":"quotation","from":"out_","relation":"wasDerivedFrom","to":"ent_"},'
    b'{"basis":"digest","from":"out_","relation":"wasDerivedFrom","to":"ent_"},{"basis":"explicit",'
    b'"from":"out_","relation":"wasGeneratedBy","to":"act_"},{"basis":"enclosing","from":"out_",'
    b'"relation":"wasDerivedFrom","to":"ent_"},{"basis":"identity","from":"ent_","relation":"wasGeneratedBy",'
    b'"to":"act_"},{"basis":"identity","from":"act_","relation":"used","to":"ent_"},'
)
