DROP TABLE workflow_messages;
DROP TABLE sub_workflow_queue;
DROP TABLE module_settings;
